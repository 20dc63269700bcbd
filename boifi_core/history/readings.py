"""Trials of the same fault, and which stands for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import fmean

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Phase, Point, Trial, TrialStatus


def rankable(trials: Sequence[Trial]) -> list[Trial]:
    """The trials with a real score: one that fell back, or broke afterwards, proves nothing."""
    return [t for t in trials if t.score is not None and not t.score.fallback and t.status is not TrialStatus.FAILED]


def by_fault(trials: Sequence[Trial]) -> list[list[Trial]]:
    """The rankable trials of each distinct fault, in order of its first.

    That is, of one point and the same plans: those of a trial that looked for a smaller fault are smaller.
    """
    alike: dict[tuple[str, str], list[Trial]] = {}
    for trial in rankable(trials):
        alike.setdefault((point_key(trial.point), plans_key(trial.plans)), []).append(trial)
    return list(alike.values())


def recommended(found: Sequence[list[Trial]], best: Point | None) -> list[Trial] | None:
    """The trials of the fault that is to be taken for the worst; None where nothing was scored.

    That is the optimizer's, but for a smaller fault that turned out worse, by two readings or more: the optimizer does
    not know those.

    Args:
        found: from `by_fault`.
        best: the optimizer's; None, or one that is not among them, leaves the highest mean, the earliest of equals.
    """
    key = None if best is None else point_key(best)
    named = next((alike for alike in found if not is_smaller(alike) and point_key(alike[0].point) == key), None)
    if named is None:
        return max(found, key=mean_severity, default=None)
    return max([named, *(alike for alike in found if is_smaller(alike) and len(alike) > 1)], key=mean_severity)


def is_smaller(alike: Sequence[Trial]) -> bool:
    """Whether their fault is none of its point, so that the optimizer knows nothing of it."""
    return all(trial.phase == Phase.MINIMISE for trial in alike)


def point_key(point: Point) -> str:
    """Equal for equal points; tells True from 1, which are equal to Python."""
    return json.dumps(point, sort_keys=True, default=str)


def plans_key(plans: Sequence[FaultPlan]) -> str:
    """Equal for the same faults; how soon their policies expire makes no other fault."""
    return json.dumps([plan.model_dump(mode="json", exclude={"duration_seconds"}) for plan in plans], sort_keys=True)


def mean_severity(alike: Sequence[Trial]) -> float:
    """Of the readings of one fault, at least one."""
    return fmean(trial.severity or 0.0 for trial in alike)


def typical(alike: Sequence[Trial]) -> Trial:
    """The trial whose reading lies nearest to the mean, the earliest of equals: neither a lucky nor an unlucky one."""
    mean = mean_severity(alike)
    # Rounded: of two readings, both are equally far from their mean, whatever is lost in its last digit.
    return min(alike, key=lambda trial: (round(abs((trial.severity or 0.0) - mean), 9), trial.trial))


def give_or_take(mean: float, std: float) -> str:
    """For people: `9.4 ± 0.3`, and never surer than a tenth."""
    return f"{mean:.1f} ± {max(std, 0.1):.1f}"


def times(n: int) -> str:
    """For people: `never`, `once`, `twice`, `3 times`."""
    return {0: "never", 1: "once", 2: "twice"}.get(n, f"{n} times")
