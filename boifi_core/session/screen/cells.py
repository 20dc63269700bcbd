"""The cells of a screen: one place, broken in one way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from boifi_core.faults.kinds import Scale
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Point
from boifi_core.session.screen.points import rests
from boifi_core.space import SearchSpace

Feature = tuple[str, object]
"""One thing that tells cells apart, such as `("target_service", "cart")`."""

PLACE = ("target_service", "target_path", "target_method", "headers")
"""The fields of a fault that say where it strikes."""


@dataclass(frozen=True, eq=False)
class Cell:
    """A fault at full strength.

    Attributes:
        point: in the space's own terms.
        plan: the fault, or the one of several that tells this point from others where the space has none alone.
    """

    point: Point
    plan: FaultPlan

    @cached_property
    def place(self) -> tuple[Feature, ...]:
        """Where it strikes."""
        return tuple((field, _hashable(getattr(self.plan, field))) for field in PLACE)

    @cached_property
    def behaviour(self) -> tuple[Feature, ...]:
        """In what way what it strikes is broken."""
        own = [field.name for field in self.plan.kind.fields if not isinstance(field, Scale)]
        return (("fault_type", self.plan.fault_type), *((name, getattr(self.plan, name)) for name in own))

    @cached_property
    def others(self) -> tuple[Feature, ...]:
        """What the injector is told beside that."""
        return tuple(sorted((name, _hashable(value)) for name, value in self.plan.parameters.items()))

    @cached_property
    def way(self) -> str:
        """Its behaviour in a word: what is refused and what is answered wrongly differ to those who call."""
        status = self.plan.abort_status_code
        return self.plan.fault_type if status is None else "refused" if is_refusal(status) else "wrong"


def cells_of(space: SearchSpace, points: Sequence[Point]) -> list[Cell]:
    """The points as cells; those that inject nothing are none."""
    still = rests(space)
    found = [(point, space.plans(point)) for point in points]
    return [
        Cell(point, next((plan for plan in plans if plan not in still), plans[0])) for point, plans in found if plans
    ]


def is_refusal(status: int) -> bool:
    """Whether a status says that there is no answer now, rather than a wrong one: callers may ask again.

    Source: RFC 9110, 15.6.3 to 15.6.5; RFC 6585, 4.
    """
    return status in (429, 502, 503, 504)


def harder_first(cell: Cell) -> int:
    """Which comes first of cells that are worth the same, ascending.

    503 is what proxies answer for a service that is not there, and what retries are made for; 429 speaks of the caller,
    and most retries leave it alone.
    """
    return {503: 0, None: 0, 429: 2}.get(cell.plan.abort_status_code, 1)


def _hashable(value: object) -> object:
    if isinstance(value, dict):
        return tuple(sorted((name, _hashable(each)) for name, each in value.items()))
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
