"""How far a session is, and the worst fault so far."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.history.readings import by_fault, is_smaller, mean_severity, rankable, recommended, typical
from boifi_core.models import (
    BestResult,
    HistoryEntry,
    OptimizationProgress,
    Trial,
)
from boifi_core.optimizer import BestPoint, OptimizerCore
from boifi_core.optimizer.recommendation import expectation
from boifi_core.session.budget import counted
from boifi_core.session.config import SessionConfig


def recommendation(config: SessionConfig, optimizer: OptimizerCore) -> BestPoint | None:
    """The fault that the optimizer takes for the worst; None where it was told something else than severities."""
    return optimizer.best_point if config.optimizer.objective != "modes" else None


def progress(trials: Sequence[Trial], total: int, best: BestPoint | None = None) -> OptimizationProgress:
    """How far a session is, and the worst fault so far.

    Args:
        best: what the optimizer recommends after these trials.
    """
    return OptimizationProgress(
        current_iteration=len(counted(trials)),
        total_iterations=total,
        best_result=best_result(trials, best),
        history=tuple(HistoryEntry(iteration=t.trial, fault_plans=t.plans, score=t.score) for t in trials),
    )


def best_result(trials: Sequence[Trial], best: BestPoint | None) -> BestResult | None:
    """The recommended fault; where the model has learnt from no trial, the one with the highest mean severity."""
    alike = recommended(by_fault(trials), None if best is None else best[0])
    if alike is None:
        return None
    shown = typical(alike)
    mean, std = (None if is_smaller(alike) else expectation(best)) or (None, None)
    return BestResult(
        fault_plans=shown.plans,
        severity_score=mean_severity(alike),
        iteration=shown.trial,
        readings=len(alike),
        expected_severity=mean,
        expected_std=std,
    )


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial with the highest reading, the earliest of equals; a fallback score is never the highest."""
    return max(rankable(trials), key=lambda t: (t.severity or 0.0, -t.trial), default=None)
