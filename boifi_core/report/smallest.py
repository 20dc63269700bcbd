"""The smallest fault that shows a failure, in words: where a shorter one takes more requests, all of its frontier."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from boifi_core.findings import Bound, FailureMode, FrontierPoint
from boifi_core.findings.passes.base import place
from boifi_core.findings.region import begins_with
from boifi_core.report.facts import fault_text

_POINTS = 3
"""Of a longer frontier, the ends and what is between them are told."""

_PLACES = 4


def smallest_text(mode: FailureMode) -> str:
    """The smallest fault known: `delay on reviews: at 100 % from 81 ms on (75 ms does not), at 74 % from 127 ms on`.

    Where none was looked for it is the worst one: `seen with delay 456 ms on cart, 76 %`.
    """
    if mode.minimal is None:
        return f"seen with {fault_text(mode.worst_plans)}"
    points = _spread(points_told(mode))
    if not points:
        return fault_text(mode.minimal.plans)
    told: set[str] = set()
    text = "; ".join(_of_place(list(alike), told) for _, alike in groupby(points, lambda point: point.plan.place))
    return text if told else f"{text} (less was not tried)"


def points_told(mode: FailureMode) -> list[FrontierPoint]:
    """The frontier where the smallest fault is; none of several faults at once."""
    if len(mode.smallest) != 1:
        return []
    here = place(mode.smallest[0])
    return [point for point in mode.frontier if place(point.plan) == here]


def also_text(mode: FailureMode) -> str:
    """The single faults elsewhere, or of other kinds, that showed it too, one for each; empty without any."""
    told = [place(plan) for plan in mode.smallest] if len(mode.smallest) == 1 else []
    others = {place(point.plan): str(point.plan) for point in reversed(mode.frontier) if place(point.plan) not in told}
    texts = list(reversed(others.values()))
    more = [f"{len(texts) - _PLACES} more"] if len(texts) > _PLACES else []
    return "; ".join([*texts[:_PLACES], *more])


def seen_with(mode: FailureMode) -> list[Bound]:
    """What of the region tells something, and agrees with the smallest fault that is told beside it.

    A region may begin below that: where the failure is met at several places, of each of which another number is true.
    """
    told = [bound for bound in mode.region if not bound.is_all]
    if mode.minimal is None:
        return told
    smallest = [point.plan for point in points_told(mode)]
    return [bound for bound in told if begins_with(bound, smallest)]


def _spread(points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    if len(points) <= _POINTS:
        return list(points)
    return [points[0], points[len(points) // 2], points[-1]]


def _of_place(points: Sequence[FrontierPoint], told: set[str]) -> str:
    return f"{points[0].plan.place}: {', '.join(_from_on(point, told) for point in points)}"


def _from_on(point: FrontierPoint, told: set[str]) -> str:
    """`at 74 % from 127 ms on (110 ms does not)`; what was told to hold is not told again."""
    first, *others = point.thresholds
    beside = "".join(f"at {threshold.fails_at:g} {threshold.unit} " for threshold in others)
    held = [f"{each.holds_at:g} {each.unit}" for each in point.thresholds if each.holds_at is not None]
    held = [each for each in held if each not in told]
    told.update(held)
    without = f" ({held[0]} does not{''.join(f', nor {each}' for each in held[1:])})" if held else ""
    return f"{beside}from {first.fails_at:g} {first.unit} on{without}"
