"""What to try next, by plain rules over what was found."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.errors import counted
from boifi_core.findings import Verdict
from boifi_core.findings.effect import EVERYWHERE, without_effect
from boifi_core.models import Dimension, TrialStatus
from boifi_core.report.facts import ReportInput, TriedFault, tried_faults
from boifi_core.report.influence import influences
from boifi_core.report.tables import code, escape
from boifi_core.session.phases.search import EVERY_POINT

HARMLESS = 1.0
"""A severity up to this is no failure."""

NOISY = 1.0
"""Repeats of one fault that differ by more severity points than this are noisy."""

NEAR_BOUND = 0.02
"""A value within this share of its range from a bound is at the bound."""

TOO_SLOW, MILD = 9.0, 5.0
"""From this performance score on a target is too slow, and up to this severity that goes unnoticed."""

_NEARLY_ALL = 98
"""From this percentage on, a wider range would bring nothing."""

HIGH_PERCENTAGE = 90
"""From this share of the requests on, hitting all of them makes little difference."""


def advice(report: ReportInput) -> list[str]:
    """One sentence of Markdown for each thing worth doing, the most useful first."""
    found = tried_faults(report)
    if not report.trials:
        return ["No trial was made; the session's state says why."]
    lines = [*_broken(report), *_by_itself(report), *_untraced(report)]
    if not found:
        return [*lines, "No trial was scored: check that the target is reachable and gives observations."]
    best = found[0]
    idle = without_effect(report.trials, report.baseline, report.baseline_severity)
    if EVERYWHERE in idle:
        return [*lines, f"{nothing_changed(idle[EVERYWHERE])} See that the requests pass proxies that it steers."]
    lines += [
        f"No fault on {code(place)} ever changed anything, in {counted(n, 'trial')}: is it spelt as the mesh has it, "
        "and do the requests pass there?"
        for place, n in idle.items()
    ]
    if best.severity <= max(HARMLESS, report.baseline_severity or 0.0):
        lines.append(
            "No fault hurt. Search longer delays and higher percentages, add services and paths, or inject two faults "
            "at once (dimensions named `a.…` and `b.…`)."
        )
    else:
        of_points = [tried for tried in found if tried.is_of_point]
        lines += [*_repeat(report, best), *_reach(report, best), *_smaller(report, best), *_narrow(report, of_points)]
    lines += _slow(report, found)
    return [*lines, *_untried(report), *_budget(report)]


def nothing_changed(trials: int) -> str:
    """What is said where no fault of any kind did anything, though these trials ought to have."""
    return (
        f"No fault of any kind had an effect, though {counted(trials, 'trial')} should have shown one: does the "
        "control plane reach this traffic?"
    )


def _broken(report: ReportInput) -> list[str]:
    lost = [trial for trial in report.trials if trial.status in (TrialStatus.FAILED, TrialStatus.SKIPPED)]
    if len(lost) * 5 <= len(report.trials):
        return []
    return [f"{len(lost)} of {counted(len(report.trials), 'trial')} gave no score: mend that first (see “Errors”)."]


def _by_itself(report: ReportInput) -> list[str]:
    """What fails without any fault, at the session's start or between its trials."""
    lines = [
        f"Without a fault {escape(trouble)}: mend that first, it hides what faults do." for trouble in report.troubles
    ]
    found = report.catalogue
    if found.fails_by_itself:
        alarms = f"{found.false_alarms} of {counted(found.controls, 'fault-free run')}"
        lines.append(
            f"{alarms} between the trials looked like a failure: the target flakes or drifts by itself. Look at what "
            "it does without a fault, and make the windows longer."
        )
    return lines


def _untraced(report: ReportInput) -> list[str]:
    seen = [trial.observation for trial in report.trials if trial.observation is not None]
    if not seen or any(each.trace_data or each.traces for each in seen):
        return []
    return [
        "No observation had a trace: the severities are without a structure score, and what began a failure is not "
        "known. Have traces sent."
    ]


def _repeat(report: ReportInput, best: TriedFault) -> list[str]:
    mode = report.catalogue.mode_of(best.trial.trial)
    if mode is not None and mode.verdict is Verdict.CONFIRMED:
        return []  # by other faults that show the same
    again = code(f"boifi replay {report.session_id[:8]} {best.trial.trial}{report.out}")
    low, high = min(best.severities), max(best.severities)
    if len(best.severities) == 1:
        return [f"The worst fault was seen once. Repeat it: {again}."]
    if high - low > NOISY:
        times = len(best.severities)
        return [f"The worst fault is noisy ({low:.1f} to {high:.1f} in {times} trials). Repeat it: {again}."]
    return []


def _reach(report: ReportInput, best: TriedFault) -> list[str]:
    """Bounds that the worst fault runs into, and a share of requests that could be higher."""
    if not best.is_of_point:
        return []
    lines = []
    # What the same failure was met with already need not be tried.
    mode = report.catalogue.mode_of(best.trial.trial)
    alike = () if mode is None else mode.trials
    shares = [plan.percentage for trial in report.trials if trial.trial in alike for plan in trial.plans]
    is_met = max(shares, default=0.0) >= HIGH_PERCENTAGE
    for dimension in report.dimensions:
        value = best.trial.point.get(dimension.name)
        at = _bound(dimension, value)
        is_percentage = dimension.name.rpartition(".")[2] == "percentage"
        if at is not None and not (is_percentage and _is_at_an_end(value, at)):
            lines.append(
                f"The worst fault has {code(dimension.name)} at the {at} bound of what was searched ({value:g}): "
                "widen the range."
            )
        elif is_percentage and not is_met and best.severity < 9 and _is_below(value, HIGH_PERCENTAGE):
            lines.append(f"The worst fault hits {value:g} % of the requests: try it with {code(dimension.name)} 100.")
    return lines


def _is_at_an_end(percentage: object, at: str) -> bool:
    """Whether there is hardly a percentage beyond it."""
    if not isinstance(percentage, (int, float)):
        return False
    return percentage >= _NEARLY_ALL if at == "upper" else percentage <= 100 - _NEARLY_ALL


def _is_below(value: object, limit: float) -> bool:
    return isinstance(value, (int, float)) and value < limit


def _bound(dimension: Dimension, value: object) -> str | None:
    low, high = dimension.low, dimension.high
    if low is None or high is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    margin = NEAR_BOUND * (high - low)
    if value >= high - margin:
        return "upper"
    return "lower" if value <= low + margin else None


def _smaller(report: ReportInput, best: TriedFault) -> list[str]:
    mode = report.catalogue.mode_of(best.trial.trial)
    if best.severity < 9 or (mode is not None and mode.minimal is not None):
        return []
    return [
        "It hardly gets worse than this. Look for the smallest fault that still does it: a lower share, less delay."
    ]


def _slow(report: ReportInput, found: Sequence[TriedFault]) -> list[str]:
    """Faults that made the target far too slow, and scored little for it."""
    slow = [tried for tried in found if tried.score.performance_score >= TOO_SLOW and tried.severity < MILD]
    if not slow or report.analyzer.profile == "worst":
        return []
    weight, weights = report.analyzer.weights["perf"], sum(report.analyzer.weights.values())  # type: ignore[arg-type]
    times = counted(len(slow), "fault")
    return [
        f"{times} made the target slower than is acceptable (trial {slow[0].trial.trial}), which weighs {weight:g} of "
        f"{weights:g} in the severity. If that is as bad as failing, set the analyzer's {code('profile')} to "
        f"{code('worst')}."
    ]


def _narrow(report: ReportInput, found: Sequence[TriedFault]) -> list[str]:
    """What the faults that come near the worst have in common, and the others have not."""
    worst = [tried for tried in found if tried.severity >= 0.8 * found[0].severity]
    if len(worst) < 3 or len(found) < 2 * len(worst):
        return []
    shared = [text for dimension in report.dimensions if (text := _shared(dimension, worst, found))]
    if not shared:
        return []
    return [f"The {len(worst)} worst faults share {', '.join(shared)}: search there more closely."]


def _shared(dimension: Dimension, worst: Sequence[TriedFault], found: Sequence[TriedFault]) -> str | None:
    values = [tried.trial.point.get(dimension.name) for tried in worst]
    everywhere = {repr(tried.trial.point.get(dimension.name)) for tried in found}
    if len(everywhere) == 1:
        return None
    if dimension.type == "categorical":
        is_one = values[0] is not None and len({repr(value) for value in values}) == 1
        return code(f"{dimension.name}: {values[0]}") if is_one else None
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) < len(values) or dimension.low is None or dimension.high is None:
        return None
    low, high = min(numbers), max(numbers)
    return (
        code(f"{dimension.name}: {low:.4g} to {high:.4g}")
        if high - low <= (dimension.high - dimension.low) / 3
        else None
    )


def _untried(report: ReportInput) -> list[str]:
    lines = []
    for influence in influences(report.trials, report.dimensions):
        missing = [group.label for group in influence.groups if group.n == 0]
        if missing:
            named = ", ".join(code(label) for label in missing[:8]) + (" and others" if len(missing) > 8 else "")
            lines.append(f"No scored trial had {code(influence.name)} at {named}.")
    return lines


def _is_used_up(report: ReportInput) -> bool:
    """Whether there is nothing left in the space that more trials could try."""
    return any(said.endswith(EVERY_POINT) for said in (report.reason or "", *report.remarks))


def _budget(report: ReportInput) -> list[str]:
    """Whether the search was still finding worse faults when it ended."""
    scored = [trial for trial in report.trials if trial.severity is not None]
    if _is_used_up(report):
        return []
    if len(scored) < 12:
        return ["Few trials were scored: more of them may find worse faults."]
    best = max(scored, key=lambda trial: (trial.severity or 0.0, -trial.trial))
    if scored.index(best) >= len(scored) * 3 // 4:
        return ["The worst fault came in the last quarter of the trials: more trials may find worse ones."]
    return []
