"""What the page says, as plain text and tables; the template decides how it looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from boifi_core.analyzer.normal import traces_of
from boifi_core.analyzer.scorers import StructureScorer
from boifi_core.analyzer.scorers.bug import BAD_LOG
from boifi_core.findings import Confirmation, FailureMode, MinimalFault
from boifi_core.history.readings import give_or_take, point_key, rankable, times
from boifi_core.models import RawObservation, Trial
from boifi_core.report.advice import advice
from boifi_core.report.curves import Curve
from boifi_core.report.facts import Finding, ReportInput, by_status, fault_text, findings, kinds, pareto_front, why
from boifi_core.report.failures import none_found, smallest_text, verdict_text
from boifi_core.report.influence import Influence, influences
from boifi_core.report.page.waterfall import Waterfall, waterfall
from boifi_core.report.reasons import expected, tried_because
from boifi_core.report.steps import step_times, troubles
from boifi_core.report.tables import counted, duration, number, numbers, percent
from boifi_core.traces import Span

WORST = 10
FRONT = 12
TRACED = 24
"""So many failures are shown with their trace; the others with all the rest."""

LOG_LINES = 5
_GROUPS = 24


@dataclass(frozen=True)
class Table:
    """A table; `right` are the columns, from 0, that hold numbers, `links` the one that names failures."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    links: int | None = None


@dataclass(frozen=True)
class Traced:
    """The trace of a trial beside the normal one, of the same kind of request."""

    trial: int
    kind: str | None
    has_normal: bool
    found: Waterfall


@dataclass(frozen=True)
class Failure:
    """A distinct failure: `lines` are pairs of a label and a text."""

    id: str
    severity: str
    verdict: str
    sentence: str
    smallest: str
    lines: tuple[tuple[str, str], ...]
    again: str
    differs: tuple[str, ...]
    logs: tuple[str, ...]
    traced: Traced | None


@dataclass(frozen=True)
class Axis:
    """What is told of one dimension beside its chart."""

    name: str
    about: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Page:
    """All texts of the page, in its order."""

    title: str
    session_id: str
    state: str
    summary: str
    figures: tuple[tuple[str, str], ...]
    facts: Table
    worst: tuple[tuple[str, str], ...]
    worst_fault: str
    measured: Table | None
    failures: tuple[Failure, ...]
    only_seen: tuple[Failure, ...]
    failures_intro: str
    trials: Table
    importance: Table
    importance_notes: tuple[str, ...]
    axes: tuple[Axis, ...]
    worst_faults: Table
    front: Table
    n_front_hidden: int
    errors: Table
    steps: Table
    next: tuple[str, ...] = field(default_factory=tuple)


def page_view(report: ReportInput) -> Page:
    """All that the page says of a session."""
    found = findings(report)
    front = pareto_front(found)
    dimensions = influences(report.trials, report.dimensions)
    return Page(
        title=report.name,
        session_id=report.session_id,
        state=report.status + (f": {report.reason}" if report.reason else ""),
        summary=_summary(report, found),
        figures=_figures(report, found),
        facts=_facts(report, found),
        worst=_worst(report, found),
        worst_fault=found[0].fault if found else "",
        measured=_measured(found[0].trial.observation, report.baseline) if found else None,
        failures=_failures(report, report.catalogue.examined, TRACED),
        only_seen=_failures(report, report.catalogue.only_seen, 0),
        failures_intro=_failures_intro(report),
        trials=_trials(report),
        importance=_importance(report, dimensions),
        importance_notes=_importance_notes(report),
        axes=_axes(report, dimensions),
        worst_faults=_worst_faults(report, found),
        front=_front(front[:FRONT]),
        n_front_hidden=max(0, len(front) - FRONT),
        errors=_errors(report.trials),
        steps=_steps(report.trials),
        next=tuple(advice(report)),
    )


def _summary(report: ReportInput, found: Sequence[Finding]) -> str:
    if not found:
        return "No trial was scored."
    modes, more = report.catalogue.examined, len(report.catalogue.only_seen)
    if not modes:
        return "No fault showed anything that the target does not do without one."
    sure = Counter(mode.verdict.value for mode in modes if mode.verdict is not None)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in sure.items())
    told = f"{counted(len(modes), 'distinct failure')}{f' ({counts})' if counts else ''}"
    return f"{told}{f', and {more} more only seen' if more else ''}. {_sentence(modes[0].sentence)}"


def _sentence(text: str) -> str:
    return f"The worst: {text}."


def _figures(report: ReportInput, found: Sequence[Finding]) -> tuple[tuple[str, str], ...]:
    return (
        ("worst severity, of 10", number(found[0].severity if found else None)),
        ("without a fault", number(report.baseline_severity)),
        ("distinct failures", str(len(report.catalogue.examined))),
        ("trials", report.progress),
    )


def _facts(report: ReportInput, found: Sequence[Finding]) -> Table:
    rows = (
        ("Session", report.session_id),
        ("Target", report.target),
        ("State", report.status + (f": {report.reason}" if report.reason else "")),
        ("Started", f"{report.created_at:%Y-%m-%d %H:%M:%S %Z}"),
        ("Lasted", duration(report.duration.total_seconds())),
        ("Trials", f"{report.progress}{by_status(report.trials)}"),
        *(("Phases", remark) for remark in report.remarks),
        ("Distinct faults scored", str(len(found))),
        ("Seed", "–" if report.seed is None else str(report.seed)),
        ("Severity without a fault", number(report.baseline_severity)),
        ("The worst fault's severity", number(found[0].severity if found else None) + " of 10"),
    )
    return Table("Facts of the session", ("what", "value"), rows)


def _worst(report: ReportInput, found: Sequence[Finding]) -> tuple[tuple[str, str], ...]:
    if not found:
        return ()
    best = found[0]
    bug, performance, structure = best.scores
    measured = f"{best.severity:.1f}, measured {times(len(best.severities))}"
    if len(best.severities) > 1:
        measured += f" ({min(best.severities):.1f} to {max(best.severities):.1f})"
    told = expected(report, best)
    if told is not None:
        measured += f"; by all trials together the model takes it for {give_or_take(*told)}"
    lines = [
        ("Severity", measured),
        ("Scores", f"bugs {bug:.1f}, performance {performance:.1f}, structure {structure:.1f}"),
        ("Why", why(best, report)),
    ]
    reason = tried_because(best.first)
    if reason is not None:
        lines.append((f"Tried in trial {best.first.trial}", reason))
    if best.score.breakdown:
        points = ", ".join(f"{name} {value:.3g}" for name, value in best.score.breakdown.items())
        lines.append(("Points given", points))
    if best.is_of_point:
        point = ", ".join(f"{name}: {value}" for name, value in best.trial.point.items())
        lines.append(("The point", point or "empty"))
    return tuple(lines)


def _measured(seen: RawObservation | None, baseline: RawObservation | None) -> Table | None:
    if seen is None:
        return None
    rows = zip(
        ["Most frequent status", "Latency, ms", "Failed requests"], _readings(baseline), _readings(seen), strict=True
    )
    return Table("What was measured", ("reading", "without a fault", "with it"), tuple(rows), frozenset({1, 2}))


def _readings(observation: RawObservation | None) -> tuple[str, str, str]:
    if observation is None:
        return "–", "–", "–"
    status = "–" if observation.status_code is None else str(observation.status_code)
    return status, number(observation.latency_ms), percent(observation.error_rate)


def _failures_intro(report: ReportInput) -> str:
    found = report.catalogue
    if not found.modes:
        return none_found(found)
    text = f"{counted(found.harmless, 'trial')} showed nothing that the target does not do anyway."
    if found.controls:
        alarms = "none" if not found.false_alarms else str(found.false_alarms)
        text += f" Of {counted(found.controls, 'fault-free run')} in between, {alarms} looked like a failure."
    return text


def _failures(report: ReportInput, modes: Sequence[FailureMode], n_traced: int) -> tuple[Failure, ...]:
    by_number = {trial.trial: trial for trial in report.trials}
    return tuple(
        _failure(report, mode, by_number.get(mode.worst), has_trace=place < n_traced)
        for place, mode in enumerate(modes)
    )


def _failure(report: ReportInput, mode: FailureMode, worst: Trial | None, *, has_trace: bool) -> Failure:
    narrow = [str(bound) for bound in mode.region if not bound.is_all]
    lines = [("Worst fault", f"{fault_text(mode.worst_plans)} (trial {mode.worst})")]
    lines += [("Seen with", "; ".join(narrow))] if narrow else []
    lines += _confirmed(mode.confirmation) if mode.confirmation else []
    lines += _minimal(mode.minimal) if mode.minimal else []
    lines.append(("Trials", numbers(mode.trials)))
    observation = None if worst is None else worst.observation
    return Failure(
        id=mode.id,
        severity=number(mode.severity),
        verdict=verdict_text(mode),
        sentence=mode.sentence,
        smallest=smallest_text(mode),
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


def _minimal(smallest: MinimalFault) -> list[tuple[str, str]]:
    tried = f"{counted(smallest.tried, 'smaller fault')} tried"
    if not smallest.is_finished:
        tried += "; the budget ended before nothing smaller was left to try"
    lines = [("Smallest fault", f"{fault_text(smallest.plans)} (trial {smallest.trial}; {tried})")]
    lines += [("Threshold", str(threshold)) for threshold in smallest.thresholds]
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


def incumbents(trials: Sequence[Trial]) -> list[float | None]:
    """After each trial the highest reading so far; None before the first."""
    counting = {trial.trial for trial in rankable(trials)}
    readings = [trial.severity if trial.trial in counting else None for trial in trials]

    def worse(so_far: float | None, reading: float | None) -> float | None:
        return so_far if reading is None else max(reading, so_far or 0.0)

    return list(accumulate(readings, worse))


def _trials(report: ReportInput) -> Table:
    rows = [
        (
            str(trial.trial),
            trial.phase,
            trial.status.value,
            number(trial.severity),
            number(so_far),
            mode.id if (mode := report.catalogue.mode_of(trial.trial)) else "",
            fault_text(trial.plans),
        )
        for trial, so_far in zip(report.trials, incumbents(report.trials), strict=True)
    ]
    head = ("trial", "phase", "status", "severity", "worst so far", "failure", "fault")
    return Table("Every trial", head, tuple(rows), frozenset({0, 3, 4}), links=5)


def _importance(report: ReportInput, found: Sequence[Influence]) -> Table:
    by_model = dict(report.importance.dimensions) if report.importance else {}
    order = sorted(found, key=lambda each: (-by_model.get(each.name, 0.0), -(each.share or 0.0)))
    rows = tuple((each.name, percent(each.share), percent(by_model.get(each.name))) for each in order)
    head = ("dimension", "among the trials", "by the model")
    return Table(
        "How much of the differences in severity goes along with each dimension", head, rows, frozenset({1, 2})
    )


def _importance_notes(report: ReportInput) -> tuple[str, ...]:
    notes = []
    if report.importance is not None and report.importance.pairs:
        pairs = [f"{one} with {other} {percent(share)}" for one, other, share in report.importance.pairs[:5]]
        notes.append(f"Only together, beyond what each does alone: {', '.join(pairs)}.")
    if report.accuracy is not None:
        worth = "" if report.accuracy >= 0.5 else " That is poor: take what it says as a guess."
        notes.append(
            f"How well the model predicts a trial from all others: R² {report.accuracy:.2f} "
            f"(1: exactly; 0: no better than their mean).{worth}"
        )
    return tuple(notes)


def _axes(report: ReportInput, found: Sequence[Influence]) -> tuple[Axis, ...]:
    of_dimension = {curve.dimension: curve for curve in report.curves}
    return tuple(_axis(report, each, of_dimension.get(each.name)) for each in found)


def _axis(report: ReportInput, found: Influence, curve: Curve | None) -> Axis:
    tried = sorted((group for group in found.groups if group.n), key=lambda group: -(group.mean or 0.0))
    shown = [group for group in found.groups if group in tried[:_GROUPS]]
    notes = []
    if len(tried) > len(shown):
        notes.append(f"{counted(len(tried) - len(shown), 'milder value')} left out.")
    if len(tried) < len(found.groups):
        notes.append(f"{counted(len(found.groups) - len(tried), 'value')} never scored.")
    if found.n_absent:
        notes.append(f"Absent in {counted(found.n_absent, 'scored trial')}.")
    rows = tuple((group.label, str(group.n), number(group.mean), number(group.highest)) for group in shown)
    head = (found.name, "trials", "mean", "highest")
    tables = [Table(f"What the trials show along {found.name}", head, rows, frozenset({1, 2, 3}))] if rows else []
    if curve is not None:
        tables.append(_curve(curve))
    return Axis(found.name, through_text(report, curve), tuple(notes), tuple(tables))


def _curve(curve: Curve) -> Table:
    rows = tuple(
        (f"{value:.4g}" if isinstance(value, float) else str(value), _number(mean), _number(std), _number(average))
        for value, mean, std, average in zip(curve.values, curve.mean, curve.std, curve.average, strict=True)
    )
    head = (curve.dimension, "expected", "give or take", "average over the space")
    return Table(f"What the model expects along {curve.dimension}", head, rows, frozenset({1, 2, 3}))


def _number(value: float) -> str:
    return number(None if value != value else value)


def through_text(report: ReportInput, curve: Curve | None) -> str:
    """Around which trial the curve is drawn."""
    if curve is None or curve.through is None:
        return ""
    key = point_key(curve.through)
    trial = next((trial for trial in report.trials if point_key(trial.point) == key), None)
    return "" if trial is None else f"around trial {trial.trial}: {fault_text(trial.plans)}"


def _worst_faults(report: ReportInput, found: Sequence[Finding]) -> Table:
    rows = tuple(
        (
            number(finding.severity),
            times(len(finding.severities)),
            str(finding.trial.trial),
            str(alike),
            finding.fault,
            why(finding, report),
            tried_because(finding.first) or "–",
        )
        for finding, alike in kinds(found)[:WORST]
    )
    head = ("severity", "measured", "trial", "alike", "fault", "why", "why it was tried")
    return Table(f"The {WORST} worst faults", head, rows, frozenset({0, 2, 3}))


def _front(front: Iterable[Finding]) -> Table:
    rows = tuple((*map(number, finding.scores), str(finding.trial.trial), finding.fault) for finding in front)
    head = ("bugs", "performance", "structure", "trial", "fault")
    return Table("Pareto front of the three scores", head, rows, frozenset({0, 1, 2, 3}))


def _errors(trials: Sequence[Trial]) -> Table:
    rows = tuple(
        (str(len(trouble.trials)), trouble.status, trouble.reason, numbers(trouble.trials))
        for trouble in troubles(trials)
    )
    return Table("Errors", ("trials", "what", "reason", "which"), rows, frozenset({0}))


def _steps(trials: Sequence[Trial]) -> Table:
    rows = tuple(
        (time.step, str(time.n), number(time.median_ms), number(time.p95_ms), number(time.total_s))
        for time in step_times(trials)
    )
    head = ("step", "trials", "median, ms", "95th percentile, ms", "in all, s")
    return Table("Wall time of each step of a trial", head, rows, frozenset({1, 2, 3, 4}))
