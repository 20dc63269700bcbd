"""Narrower and rarer in one step."""

from __future__ import annotations

from boifi_core.faults.kinds import PERCENTAGE
from boifi_core.findings.passes.base import Base, replaced, simplicity
from boifi_core.findings.passes.narrower import candidates, narrow
from boifi_core.findings.passes.rarer import least_percentage


def at_once(base: Base) -> None:
    """Narrower, and with the fewest requests that the space allows: often that shows it, and all is said."""
    narrowest = {index: left[0] for index in range(len(base.plans)) if (left := candidates(base, index))}
    least, floor = base.plans, least_percentage(base)
    for index, candidate in narrowest.items():
        least = replaced(least, index, *candidate)
    for index, plan in enumerate(base.plans):
        least = replaced(least, index, PERCENTAGE.name, min(plan.percentage, floor))
    if simplicity(least) < simplicity(base.plans) and base.shows(least):
        for index, candidate in narrowest.items():
            narrow(base, index, *candidate)
        base.plans = least
