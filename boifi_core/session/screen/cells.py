"""The cells of a screen: one place, broken in one way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from boifi_core.analyzer.seen import asks
from boifi_core.faults.kinds import Scale
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Point, SeenCall
from boifi_core.space import SearchSpace

Feature = tuple[str, object]
"""One thing that tells cells apart, such as `("target_service", "cart")`."""

_PLACE = ("target_service", "target_path", "target_method", "headers")
_FLAT = 1 / 3
"""By so much the share of requests counts: a weakness of a rare call is one as well."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@dataclass(frozen=True, eq=False)
class Cell:
    """A fault at full strength.

    Attributes:
        point: in the space's own terms.
        plan: the fault, or the first of several where the space has none alone.
    """

    point: Point
    plan: FaultPlan

    @cached_property
    def place(self) -> tuple[Feature, ...]:
        """Where it strikes."""
        return tuple((field, _hashable(getattr(self.plan, field))) for field in _PLACE)

    @cached_property
    def behaviour(self) -> tuple[Feature, ...]:
        """In what way what it strikes is broken."""
        own = [field.name for field in self.plan.kind.fields if not isinstance(field, Scale)]
        return (("fault_type", self.plan.fault_type), *((name, getattr(self.plan, name)) for name in own))

    @cached_property
    def pairs(self) -> frozenset[tuple[Feature, Feature]]:
        """What of it is new where nothing like it was tried: each two of its features together."""
        return frozenset(combinations((*self.place, *self.behaviour), 2))


def cells_of(space: SearchSpace, points: Sequence[Point]) -> list[Cell]:
    """The points as cells; those that inject nothing are none."""
    return [Cell(point, plans[0]) for point in points if (plans := space.plans(point))]


def struck(plan: FaultPlan, calls: Mapping[str, SeenCall]) -> list[SeenCall]:
    """The calls that a fault strikes, as far as their names tell; calls by `Call.where`."""
    return [call for call in calls.values() if _strikes(plan, call)]


def reach(plan: FaultPlan, calls: Mapping[str, SeenCall]) -> float:
    """In which share of the requests a call is made that the fault strikes, 0 to 1; more where several ask for it."""
    struck_by = struck(plan, calls)
    spared = 1.0
    for call in struck_by:
        spared *= 1.0 - call.share
    fan_in = len({call.caller for call in struck_by})
    return float((1.0 - spared) ** _FLAT) * (1.0 + 0.1 * min(max(fan_in - 1, 0), 5))


def _strikes(plan: FaultPlan, call: SeenCall) -> bool:
    if plan.target_service is not None and not asks(call, plan.target_service):
        return False
    words: Collection[str] = call.operation.split()
    told = [word for word in words if word in _METHODS]
    if plan.target_method is not None and told and plan.target_method not in told:
        return False
    path = next((word for word in words if word.startswith("/")), None)
    where = plan.target_path
    if where == "/" or where.startswith("^"):
        return True
    return _has_prefix(path, where) if path is not None else plan.target_service is not None


def _has_prefix(path: str, prefix: str) -> bool:
    """Whether a path begins so; what stands for an id in it may be anything."""
    own, wanted = path.split("/"), prefix.rstrip("/").split("/")
    return len(own) >= len(wanted) and all(
        is_id(mine) or mine == theirs or (place == len(wanted) - 1 and mine.startswith(theirs))
        for place, (mine, theirs) in enumerate(zip(own, wanted, strict=False))
    )


def is_id(part: str) -> bool:
    """Whether a part of a path stands for whatever is there: `{id}`, `:id`, `*`."""
    return part.startswith(("{", ":", "*", "<"))


def _hashable(value: object) -> object:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value
