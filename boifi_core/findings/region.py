"""Where in the search space a failure was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boifi_core.faults import kinds
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.models import Bound
from boifi_core.models import Dimension, Point

_ALL_OF = 0.9
"""A failure that was seen over this share of a range was seen all over it."""


def region(points: Sequence[Point], dimensions: Sequence[Dimension]) -> tuple[Bound, ...]:
    """The bounds of `points` in each dimension that any of them has, in the order of `dimensions`."""
    return tuple(bound for dimension in dimensions if (bound := _bound(points, dimension)) is not None)


def widened(bounds: Sequence[Bound], smallest: Sequence[FaultPlan]) -> tuple[Bound, ...]:
    """The bounds, so that those of numbers hold the smallest fault as well; of several faults none is known which."""
    return tuple(_with(bound, smallest[0]) if len(smallest) == 1 else bound for bound in bounds)


def _with(bound: Bound, plan: FaultPlan) -> Bound:
    word = bound.dimension.rpartition(".")[2]
    field = kinds.field_of(word)
    value = None if field is None or bound.low is None else getattr(plan, field.name)
    if field is None or value is None or bound.low is None or bound.high is None:
        return bound
    own = float(value) / field.factor(word)
    return bound.model_copy(update={"low": min(bound.low, own), "high": max(bound.high, own)})


def _bound(points: Sequence[Point], dimension: Dimension) -> Bound | None:
    values = [point[dimension.name] for point in points if dimension.name in point]
    if not values:
        return None
    if dimension.type == "categorical":
        seen = tuple(value for value in dimension.values if any(_same(value, other) for other in values))
        return Bound(dimension=dimension.name, values=seen, is_all=len(seen) == len(dimension.values) > 1)
    low, high = float(min(values)), float(max(values))
    whole = (dimension.high or 0.0) - (dimension.low or 0.0)
    return Bound(dimension=dimension.name, low=low, high=high, is_all=whole > 0 and high - low >= _ALL_OF * whole)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
