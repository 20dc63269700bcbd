"""The search space without what the guardrails forbid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from boifi_core.models import Point
from boifi_core.safety.guardrails import Guardrails, objection
from boifi_core.space import SearchSpace
from boifi_core.space.plans import Source, each_plan
from boifi_core.space.restricted import restrict
from boifi_core.space.rows import Column, Rows

_ASKED_ABOUT = ("fault_type", "target_service", "target_path", "percentage")
"""The fields of a plan that decide whether the guardrails object to it, beside those that hold requests up."""


def guarded(space: SearchSpace, rails: Guardrails) -> SearchSpace:
    """The space without the points that the guardrails forbid.

    Raises:
        InvalidInput: they forbid every point.
    """

    def why_not(point: Point) -> str | None:
        plans = each_plan(space.groups, {**space.fixed, **point})
        return next((reason for plan in plans if (reason := objection(plan, rails))), None)

    return restrict(space, why_not, field="guardrails", alike=_alike(space, rails))


def _alike(space: SearchSpace, rails: Guardrails) -> Callable[[Rows], Rows]:
    """From rows to what of them the guardrails can tell apart: of a number, only on which side of a limit it is."""
    index = space.layout.index
    asked = {source.name: source for group in space.groups for source in group.sources if _is_asked_about(source)}
    # A wait before the fault adds to its delay, so then both matter exactly.
    adds_up = any(len({source.field for source in group.sources if _is_wait(source)}) > 1 for group in space.groups)
    searched = [(source, space.layout.columns[index[name]]) for name, source in asked.items() if name in index]

    def alike(rows: Rows) -> Rows:
        parts = [_side(source, column, rows[:, index[column.name]], rails, adds_up) for source, column in searched]
        return np.column_stack([np.zeros(len(rows)), *parts])

    return alike


def _side(source: Source, column: Column, entries: Rows, rails: Guardrails, adds_up: bool) -> Rows:
    if column.is_categorical:
        return entries
    if source.field == "percentage":
        limit = rails.max_percentage
        return np.where(np.isnan(entries), np.nan, entries > (np.inf if limit is None else limit))
    if source.known is not None and source.known.is_wait and not adds_up:
        wait_ms = np.round(entries * source.known.factor(source.word))
        beyond = wait_ms > (np.inf if rails.max_delay_ms is None else rails.max_delay_ms)
        # No delay is no fault, so it has a side of its own.
        return np.where(np.isnan(entries), np.nan, np.where(wait_ms == 0, -1, beyond))
    return entries


def _is_asked_about(source: Source) -> bool:
    return source.field in _ASKED_ABOUT or source.null_is_none or _is_wait(source)


def _is_wait(source: Source) -> bool:
    return source.known is not None and source.known.is_wait
