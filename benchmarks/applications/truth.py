"""Which weaknesses a trial brought out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from benchmarks.applications.model import Application, Cause, Weakness
from benchmarks.applications.play import Window, hits
from boifi_core.faults.plan import FaultPlan

FEWEST = 2
"""A weakness is brought out by no fewer requests that show it."""

SHARE = 0.25
"""Nor by a smaller share of those that show it by the fault that the truth names."""


def brought_out(application: Application, plans: Sequence[FaultPlan], window: Window) -> frozenset[str]:
    """The ids of the weaknesses that these faults brought out in this window.

    Both must be: the faults are those that the truth names (a fault elsewhere may have the same effect, but tells
    another story), and the requests show it.
    """
    return frozenset(
        weakness.id
        for weakness in application.weaknesses
        if triggers(weakness, plans) and shown(weakness, window) >= enough(weakness)
    )


def triggers(weakness: Weakness, plans: Sequence[FaultPlan]) -> bool:
    """Whether these are faults by which a weakness can be brought out; chance has its say too, see `brought_out`."""
    causes = weakness.causes
    return any(
        all(holds(cause, plan) for cause, plan in zip(causes, chosen, strict=True))
        for chosen in permutations(plans, len(causes))
    )


def holds(cause: Cause, plan: FaultPlan) -> bool:
    """Whether a fault is what a weakness asks for."""
    if not hits(plan, cause.service, cause.method, cause.path):
        return False
    if not cause.low_percentage <= plan.percentage <= cause.high_percentage:
        return False
    if plan.abort_status_code is not None:
        return plan.abort_status_code in cause.statuses
    return cause.low_ms is not None and cause.low_ms <= plan.wait_ms <= cause.high_ms


def shown(weakness: Weakness, window: Window) -> int:
    """How many requests show it."""
    return sum(
        any(call == weakness.call and event.startswith(weakness.event) for call, event in played.events)
        for played in window.requests
    )


def enough(weakness: Weakness) -> float:
    """How many requests have to."""
    return max(FEWEST, SHARE * weakness.shown)
