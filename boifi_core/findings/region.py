"""Where in the search space a failure was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from boifi_core.faults import kinds
from boifi_core.faults.kinds import Scale
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.models import Bound
from boifi_core.findings.passes.narrower import NARROWED
from boifi_core.models import Dimension, Point

_ALL_OF = 0.9
"""A failure that was seen over this share of a range was seen all over it."""


def region(points: Sequence[Point], dimensions: Sequence[Dimension]) -> tuple[Bound, ...]:
    """The bounds of `points` in each dimension that any of them has, in the order of `dimensions`."""
    return tuple(bound for dimension in dimensions if (bound := _bound(points, dimension)) is not None)


def from_on(
    bounds: Sequence[Bound], smallest: Sequence[FaultPlan], dimensions: Sequence[Dimension]
) -> tuple[Bound, ...]:
    """The bounds, so that they agree with the smallest faults: those of numbers begin where the smallest number is.

    What showed the failure with less did so by chance. The methods and paths to which a fault was narrowed join those
    that it was seen with. Bounds of which none of the faults tells stay.
    """
    of_name = {dimension.name: dimension for dimension in dimensions}
    return tuple(_agreeing(bound, smallest, of_name.get(bound.dimension)) for bound in bounds)


def begins_with(bound: Bound, smallest: Sequence[FaultPlan]) -> bool:
    """Whether it begins where the smallest of these faults do, if it bounds how much of a fault there is."""
    numbers = _numbers(bound.dimension, smallest)
    return numbers is None or bound.low is None or (bool(numbers) and min(numbers) == bound.low)


def _agreeing(bound: Bound, smallest: Sequence[FaultPlan], dimension: Dimension | None) -> Bound:
    if dimension is None:
        return bound
    word = bound.dimension.rpartition(".")[2]
    if word in NARROWED:
        narrowed = [getattr(plan, word) for plan in smallest]
        return _of_values(dimension, lambda value: value in bound.values or value in narrowed)
    numbers = _numbers(bound.dimension, smallest)
    if not numbers or bound.low is None or bound.high is None:
        return bound
    return _of_numbers(dimension, min(numbers), max(bound.high, *numbers))


def _numbers(dimension: str, plans: Sequence[FaultPlan]) -> list[float] | None:
    """What these faults have in a dimension of which less is less of a fault, in its own units; None in others."""
    word = dimension.rpartition(".")[2]
    field = kinds.field_of(word)
    if not isinstance(field, Scale):
        return None
    values = (getattr(plan, field.name) for plan in plans)
    return [float(value) / field.factor(word) for value in values if value is not None]


def _bound(points: Sequence[Point], dimension: Dimension) -> Bound | None:
    values = [point[dimension.name] for point in points if dimension.name in point]
    if not values:
        return None
    if dimension.type == "categorical":
        return _of_values(dimension, lambda value: any(_same(value, other) for other in values))
    return _of_numbers(dimension, float(min(values)), float(max(values)))


def _of_values(dimension: Dimension, is_seen: Callable[[Any], bool]) -> Bound:
    seen = tuple(value for value in dimension.values if is_seen(value))
    return Bound(dimension=dimension.name, values=seen, is_all=len(seen) == len(dimension.values) > 1)


def _of_numbers(dimension: Dimension, low: float, high: float) -> Bound:
    whole = (dimension.high or 0.0) - (dimension.low or 0.0)
    return Bound(dimension=dimension.name, low=low, high=high, is_all=whole > 0 and high - low >= _ALL_OF * whole)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
