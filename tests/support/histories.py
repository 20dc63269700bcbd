"""Trials and spaces to keep a history of."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from observations import NOON, observed

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import SeverityScore, StepDurations, Trial


@dataclass(frozen=True)
class Axis:
    """A dimension, as far as history and report look at it."""

    name: str
    type: str = "categorical"
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    log_scale: bool = False


@dataclass(frozen=True)
class Axes:
    """A search space, as far as history and report look at it."""

    dimensions: tuple[Axis, ...]


SPACE = Axes(
    (
        Axis("fault_type", values=("delay", "abort")),
        Axis("percentage", "integer", low=10, high=100),
        Axis("delay_ms", "integer", low=100, high=8000),
        Axis("share", "real", low=0.0, high=1.0),
        Axis("abort_status_code", values=(429, 503)),
        Axis("retry", values=(True, False)),
        Axis("mixed", values=("a", 1, True, 2.5)),
    )
)


def scored(severity: float, **fields: Any) -> SeverityScore:
    """A score with this total in all dimensions, but for `fields`."""
    same = {"total_score": severity, "bug_score": severity, "performance_score": severity, "structure_score": severity}
    return SeverityScore(**(same | fields))


def trial_of(number: int, severity: float | None = 1.0, **fields: Any) -> Trial:
    """Trial `number`, made a second after the one before it; None: it failed before it was scored."""
    start = NOON + timedelta(seconds=number)
    whole = {
        "session_id": "3f2a9c1e-0000-4000-8000-000000000000",
        "trial": number,
        "status": "failed" if severity is None else "scored",
        "phase": "search",
        "started_at": start,
        "finished_at": start + timedelta(milliseconds=300),
        "point": {"fault_type": "delay", "percentage": 50, "delay_ms": 500},
        "plans": (FaultPlan(fault_type="delay", target_path="/ratings", percentage=50, delay_ms=500),),
        "observation": None if severity is None else observed(),
        "score": None if severity is None else scored(severity),
        "durations": StepDurations(propose_ms=1.0, apply_ms=2.0, observe_ms=250.0, score_ms=0.5, record_ms=30.0),
    }
    return Trial(**(whole | fields))
