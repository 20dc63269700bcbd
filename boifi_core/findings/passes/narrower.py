"""A narrower fault: fewer methods, a longer path, where the search space names any."""

from __future__ import annotations

from boifi_core.faults import kinds
from boifi_core.findings.passes.base import HARDLY_FEWER, Base, replaced

_ALL_METHODS = frozenset({"", "*", "ALL", "ANY"})

NARROWED = ("target_method", "target_path")
"""What a fault can be narrower in."""

Narrower = tuple[str, str]
"""A field to replace, and its value."""


def narrower(base: Base, index: int) -> None:
    """Each method and path of the space that is part of the fault's, one after the other."""
    asked: set[Narrower] = set()
    while left := [candidate for candidate in candidates(base, index) if candidate not in asked]:
        asked.add(left[0])
        if base.shows(replaced(base.plans, index, *left[0])):
            narrow(base, index, *left[0])


def narrow(base: Base, index: int, field: str, value: str) -> None:
    """Take what was found to show the failure, and note what it can do without."""
    wide = "other methods" if field == "target_method" else base.plans[index].target_path
    base.dropped.append(f"{wide} beside {value}")
    base.plans = replaced(base.plans, index, field, value)


def candidates(base: Base, index: int) -> list[Narrower]:
    """The methods and paths that are part of the fault's and may show the failure."""
    plan, found = base.plans[index], dict[Narrower, None]()
    for dimension in base.dimensions:
        word = dimension.name.rpartition(".")[2]
        known = kinds.field_of(word)
        field = word if known is None else known.name
        values = [value for value in dimension.values if isinstance(value, str)]
        if field == "target_method" and plan.target_method is None:
            found |= {(field, value): None for value in values if value.upper() not in _ALL_METHODS}
        elif field == "target_path" and not plan.target_path.startswith("^"):
            longer = (value for value in values if value != plan.target_path and value.startswith(plan.target_path))
            found |= {(field, value): None for value in longer}
    return [candidate for candidate in found if not _is_ruled_out(base, index, *candidate)]


def _is_ruled_out(base: Base, index: int, field: str, value: str) -> bool:
    """Whether no trial of the narrower fault showed it, although one that is as strong was made."""
    plan = base.plans[index]
    seen = base.at_the_place(plan.model_copy(update={field: value}))
    narrow = [(other, shows) for other, shows in seen if getattr(other, field) == value]
    mildest = base.mildest_seen(index) or 0.0
    return not any(shows for _, shows in narrow) and any(
        other.strength >= mildest and other.percentage >= HARDLY_FEWER * plan.percentage for other, _ in narrow
    )
