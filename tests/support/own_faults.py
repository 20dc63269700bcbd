"""What a trial's observation must be if it is of its own fault."""

from __future__ import annotations

from typing import Any


def is_its_own(trial: Any) -> bool:
    """Whether what a trial saw is what its own fault does, and nothing of its neighbour's."""
    (plan,), seen = trial.plans, trial.observation
    if plan.abort_status_code is not None:
        return (seen.status_code, seen.error_rate) == (503, 1.0) and seen.latency_ms < plan.abort_status_code
    return (seen.status_code, seen.error_rate) == (200, 0.0) and plan.delay_ms <= seen.latency_ms < plan.delay_ms + 400
