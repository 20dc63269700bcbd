"""Optimizers that are small enough for tests, and sessions with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from made_evidence import MIXED, severity

from boifi_core.models import Point
from boifi_core.optimizer import OptimizerCore
from boifi_core.space import SearchSpace


def optimizer(space: Any = MIXED, **options: Any) -> OptimizerCore:
    """One that begins with four points and weighs few candidates; `options` override that."""
    small = {"random_state": 3, "initial_points": 4, "n_estimators": 15, "n_candidates": 120}
    return OptimizerCore(space, **(small | options))


def signals(point: Point) -> dict[str, float]:
    """What a target would tell beside the severity."""
    return {"bug_score": severity(point) / 2, "performance_score": 1.0, "structure_score": 3.0, "latency_ms": 40.0}


def steps(core: OptimizerCore, n: int) -> list[Point]:
    """Propose and record `n` times; the proposals."""
    points = []
    for _ in range(n):
        points.append(core.propose())
        core.record(points[-1], severity(points[-1]), signals(points[-1]))
    return points


def keys(space: SearchSpace, points: Iterable[Point]) -> list[tuple[float | None, ...]]:
    """The identities of points."""
    return [space.key(point) for point in points]
