"""A rarer fault: one that fewer requests meet."""

from __future__ import annotations

from boifi_core.faults.kinds import PERCENTAGE
from boifi_core.findings.passes.base import Base, replaced
from boifi_core.findings.passes.lower import lower


def rarer(base: Base, index: int) -> None:
    """The smallest percentage; the least that the space allows is tried first, since most failures show there."""
    if PERCENTAGE.name in base.floors:
        floor = least_percentage(base)
        if base.plans[index].percentage > floor:
            base.shows(replaced(base.plans, index, PERCENTAGE.name, floor))
        lower(base, index, PERCENTAGE, floor)


def least_percentage(base: Base) -> float:
    """The least that the space allows; all requests where it searches none."""
    return max(1.0, float(round(base.floors.get(PERCENTAGE.name, 100.0))))
