"""Whether a fault did anything at all, be it harmless: from what is seen of a window beside the usual one."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.catalogue import HARMLESS
from boifi_core.models import RawObservation, Trial

_LEAST_LATE_MS, _LEAST_ERRORS = 50.0, 0.08
"""Less than that comes by chance, of few requests."""

_RETRIES_MS = 500.0
"""What a fault that is no wait may take where calls are made again; a busy machine seldom does."""

_CLEAR = 0.9

_SHARE = 50.0
"""Percent of the requests: a fault on as many is seen in every window."""

EVERYWHERE = "everywhere"
"""Instead of a place, where no fault of any kind did anything."""

_TELL = 2
"""So many trials tell something."""


def effect(seen: RawObservation, usual: RawObservation, wait_ms: float) -> float:
    """How far a window is from what it shows without a fault; 0 where no further than chance may take it.

    Lateness counts from a quarter of the fault's own wait on: callers may give up before its end, and any window of a
    busy machine is a little late.

    Args:
        usual: one that stands for the fault-free windows.
        wait_ms: how long the fault holds up a request.
    """
    errors = (seen.error_rate or 0.0) - (usual.error_rate or 0.0)
    late_ms = (seen.latency_ms or 0.0) - (usual.latency_ms or 0.0)
    is_other = None not in (seen.status_code, usual.status_code) and _class(seen) != _class(usual)
    is_late = late_ms > max(_LEAST_LATE_MS, usual.latency_ms or 0.0, wait_ms / 4 or _RETRIES_MS)
    return max(
        errors if errors > _LEAST_ERRORS else 0.0,
        late_ms / 1000 if is_late else 0.0,
        0.5 if is_other else 0.0,
    )


def _class(seen: RawObservation) -> int:
    return (seen.status_code or 0) // 100


def clearness(plan: FaultPlan, usual: RawObservation | None) -> float:
    """How surely a fault shows where requests pass it, 0 to 1: an abort, or a wait ten times the usual."""
    if plan.abort_status_code is not None:
        return 1.0 if plan.abort_status_code >= 500 else 0.9 if plan.abort_status_code >= 400 else 0.3
    usual_ms = 0.0 if usual is None else usual.latency_ms or 0.0
    return min(1.0, plan.wait_ms / max(10 * usual_ms, 4 * _LEAST_LATE_MS))


def without_effect(trials: Sequence[Trial], usual: RawObservation | None, severity: float | None) -> dict[str, int]:
    """The places whose faults ought to have shown and never did, with how many trials each had.

    A place is a service, or a path where none is named, or `EVERYWHERE`. A trial counts whose one fault is clear, and
    hits half of the requests or more.

    Args:
        usual: the target without a fault; None tells nothing.
        severity: of that.
    """
    if usual is None:
        return {}
    moved: dict[str, list[bool]] = {}
    changed_at_all = False
    for trial in trials:
        if trial.observation is None or trial.severity is None:
            continue
        is_hurt = trial.severity > (severity or 0.0) + HARMLESS
        is_moved = is_hurt or effect(trial.observation, usual, sum(plan.wait_ms for plan in trial.plans)) > 0
        changed_at_all = changed_at_all or is_moved
        if len(trial.plans) != 1:
            continue
        (plan,) = trial.plans
        if is_moved or (clearness(plan, usual) >= _CLEAR and plan.percentage >= _SHARE and not plan.headers):
            moved.setdefault(plan.target_service or plan.target_path, []).append(is_moved)
    if not changed_at_all:
        whole = sum(map(len, moved.values()))
        return {EVERYWHERE: whole} if whole >= _TELL else {}
    return {place: len(each) for place, each in moved.items() if len(each) >= _TELL and not any(each)}
