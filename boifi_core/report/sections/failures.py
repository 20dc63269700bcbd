"""The weaknesses: each distinct failure, with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boifi_core.analyzer.log_lines import BAD_LOG
from boifi_core.analyzer.normal import traces_of
from boifi_core.analyzer.scorers import StructureScorer
from boifi_core.errors import counted
from boifi_core.findings import Confirmation, FailureMode, MinimalFault
from boifi_core.history.readings import times
from boifi_core.models import RawObservation, Trial
from boifi_core.report.facts import ReportInput, fault_text
from boifi_core.report.failures import beside, left_text, none_found, verdict_text
from boifi_core.report.smallest import also_text, points_told, seen_with, smallest_text
from boifi_core.report.tables import number, numbers
from boifi_core.report.waterfall import Waterfall, waterfall
from boifi_core.traces import Span

TRACED = 24
"""So many failures are shown with their trace; the others with all the rest."""

LOG_LINES = 5


@dataclass(frozen=True)
class Traced:
    """The trace of a trial beside the normal one, of the same kind of request."""

    trial: int
    kind: str | None
    has_normal: bool
    found: Waterfall


@dataclass(frozen=True)
class Failure:
    """A distinct failure: `fault` is one that shows it, `lines` are pairs of a label and a text."""

    id: str
    severity: str
    verdict: str
    sentence: str
    smallest: str
    fault: str
    trials: str
    lines: tuple[tuple[str, str], ...]
    again: str
    differs: tuple[str, ...]
    logs: tuple[str, ...]
    traced: Traced | None


def beside_them(report: ReportInput) -> str:
    """What is told beside the failures; what was found instead where there are none; how much is left."""
    found = report.catalogue
    more = "" if report.left is None else f" {left_text(report.left)}"
    return (beside(found) if found.modes else none_found(found)) + more


def failures(report: ReportInput, modes: Sequence[FailureMode], n_traced: int) -> tuple[Failure, ...]:
    """The failures of these modes, the first `n_traced` of them with a trace."""
    by_number = {trial.trial: trial for trial in report.trials}
    return tuple(
        _failure(report, mode, by_number.get(mode.worst), has_trace=place < n_traced)
        for place, mode in enumerate(modes)
    )


def _failure(report: ReportInput, mode: FailureMode, worst: Trial | None, *, has_trace: bool) -> Failure:
    lines = _minimal(mode, mode.minimal) if mode.minimal else []
    lines.append(("Worst fault", f"{fault_text(mode.worst_plans)} (trial {mode.worst})"))
    lines += _confirmed(mode.confirmation) if mode.confirmation else []
    bounds, also = seen_with(mode), also_text(mode)
    lines += [("Seen with", "; ".join(map(str, bounds)))] if bounds else []
    lines += [("Also with", also)] if also else []
    lines.append(("Trials", numbers(mode.trials)))
    observation = None if worst is None else worst.observation
    if worst is not None and worst.aftermath is not None and mode.stays_down:
        observation = worst.aftermath.observation  # what stayed is what tells the failure
    return Failure(
        id=mode.label,
        severity=number(mode.severity),
        verdict=verdict_text(mode),
        sentence=mode.sentence,
        smallest=smallest_text(mode),
        fault=fault_text(mode.smallest),
        trials=str(len(mode.trials)),
        lines=tuple(lines),
        again=mode.replay,
        differs=tuple(fact.says for fact in mode.signature if fact.says),
        logs=_telling_logs(observation),
        traced=_traced(report, mode, observation) if observation is not None and has_trace else None,
    )


def _confirmed(sure: Confirmation) -> list[tuple[str, str]]:
    runs = (
        f"{times(len(sure.readings))}, shown {times(sure.shown)}: {sure.low * 100:.0f} to {sure.high * 100:.0f} % "
        f"of all runs show it (at {sure.level * 100:g} %); severity {sure.severity:.1f}"
    )
    if sure.severity_low is not None and sure.severity_high is not None:
        runs += f" ({sure.severity_low:.1f} to {sure.severity_high:.1f})"
    alarms = (
        f"{sure.false_alarms} of {counted(sure.controls, 'fault-free run')} looked like it "
        f"(at most {sure.false_alarm_high * 100:.0f} % would)"
    )
    return [("Measured again", runs), ("False alarms", alarms)]


def _minimal(mode: FailureMode, smallest: MinimalFault) -> list[tuple[str, str]]:
    tried = f"{counted(smallest.tried, 'smaller fault')} tried"
    if not smallest.is_finished:
        tried += "; the budget ended before nothing smaller was left to try"
    lines = [("Smallest fault", f"{smallest_text(mode)}; {tried}")]
    lines += [("Threshold", str(threshold)) for threshold in smallest.thresholds if not points_told(mode)]
    return [*lines, *([("Not needed", ", ".join(smallest.dropped))] if smallest.dropped else [])]


def _telling_logs(observation: RawObservation | None) -> tuple[str, ...]:
    """The lines of the log that tell of an error first."""
    lines = () if observation is None else observation.logs
    return tuple(sorted(lines, key=lambda line: not BAD_LOG.search(line))[:LOG_LINES])


def _traced(report: ReportInput, mode: FailureMode, observation: RawObservation) -> Traced | None:
    """The kind of request that the failure is told by, else the one whose trace differs most."""
    traces = dict(traces_of(observation))
    asked = [fact.request for fact in mode.signature if fact.request in traces]
    kind = next(iter(asked), None)
    if kind is None:
        scorer = StructureScorer(report.analyzer.span_increase_threshold, report.analyzer.edit_distance_threshold)
        worst = scorer.worst(observation, report.baseline)
        kind = worst.kind if worst is not None else None
    seen = traces.get(kind)
    if not seen:
        return None
    normal: Sequence[Span] = [] if report.baseline is None else dict(traces_of(report.baseline)).get(kind, [])
    return Traced(mode.worst, kind, bool(normal), waterfall(normal, seen))
