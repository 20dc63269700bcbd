"""Why a point was proposed, and what came of the points before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from boifi_core.models import Point
from boifi_core.optimizer.strategy import Reason


class Tried(NamedTuple):
    """A point that was tried, its place in `OptimizerCore.history`, and its score."""

    place: int
    point: Point
    score: float


@dataclass(frozen=True)
class Why:
    """What was behind a proposal.

    Attributes:
        reason: what the trial is for.
        mean, std: what the model expected there, severity points; None while there is no model.
        promise: the acquisition function's value; None where it did not decide.
        nearest: the most similar points that had been tried, most similar first.
    """

    reason: Reason
    mean: float | None = None
    std: float | None = None
    promise: float | None = None
    nearest: tuple[Tried, ...] = ()


class BestPoint(tuple[Point, float]):
    """The point recommended as the worst fault, and the mean of its readings; with how sure that is.

    Attributes:
        mean, std: what the model takes for its severity without noise; the reading's own before there is a model.
        readings: how often it was measured.
    """

    mean: float
    std: float
    readings: int

    def __new__(cls, point: Point, score: float, mean: float, std: float, readings: int) -> BestPoint:
        best: Any = super().__new__(cls, (point, score))
        best.mean, best.std, best.readings = mean, std, readings
        return best  # type: ignore[no-any-return]
