"""Faults at full strength, in a search space's own terms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from boifi_core.faults.kinds import DURATION_SECONDS, PERCENTAGE, Scale
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Point, SeenCall
from boifi_core.session.screen.combinations import combinations
from boifi_core.space import SearchSpace
from boifi_core.space.condition import is_number
from boifi_core.space.plans import Group, Source, each_plan, is_no_fault
from boifi_core.space.rows import Column, Mask, Rows

_SOME = 30.0
"""Percent: a third of the requests, so that most are well and those that fail are no chance."""

_FEWER = 0.6
"""A part of the requests is no more than this share of those that full strength strikes."""

_STEPS = np.linspace(1.0, 0.0, 21)
"""How much of their full strength numbers have where guardrails and constraints forbid more."""

_HALVINGS = 10
"""So often the strength between two of these is halved: a minute's delays are then exact to 3 ms."""


def full_strength(space: SearchSpace, calls: Sequence[SeenCall] = ()) -> list[Point]:
    """One point for each combination of categories of each fault alone, its numbers as strong as is allowed.

    Other faults of the space are switched off, where that can be said. Points that send the same faults are one.

    Args:
        calls: of more combinations than can be looked at, those that strike these are not left out.
    """
    found: list[Rows] = [_of_group(space, group, calls) for group in space.groups]
    rows = np.vstack([rows for rows in found if len(rows)] or [np.empty((0, len(space.dimensions)))])
    if not len(rows):
        return []
    ids = space.ids(rows)
    first = {identity: place for place, identity in reversed([*enumerate(ids)])}
    points = [point for point in space.points(rows[sorted(first.values())]) if space.plans(point)]
    few = min((len(space.plans(point)) for point in points), default=0)
    return [point for point in points if len(space.plans(point)) == few]


def rests(space: SearchSpace) -> list[FaultPlan]:
    """The faults that stand beside the one of a cell, where they cannot be switched off."""
    rows = space.canonical_rows(space.layout.masked(np.array(_rests(space))))
    return [plan for point in space.points(rows) for plan in space.plans(point)]


def in_part(space: SearchSpace, point: Point) -> Point | None:
    """The point, its fault striking only some of the requests; None where that cannot be said, or is not allowed."""
    named = [source.name for group in space.groups for source in group.sources if source.known is PERCENTAGE]
    names = [name for name in named if is_number(point.get(name)) and point[name] > _SOME]
    changed = with_number(space, point, names, _SOME)
    if changed is None:
        return None
    whole, part = (max((plan.percentage for plan in space.plans(each)), default=0.0) for each in (point, changed))
    return changed if 0 < part <= _FEWER * whole else None


def with_number(space: SearchSpace, point: Point, names: Sequence[str], value: float) -> Point | None:
    """The point with this number, or the nearest that its dimension takes, under these names; None: it is not allowed.

    Args:
        names: of dimensions; those that the point lacks are left out.
    """
    row = space.rows([point])
    for name in names:
        index = space.layout.index.get(name)
        if index is None or math.isnan(row[0, index]):
            continue
        column = space.layout.columns[index]
        if not column.is_categorical:
            row[0, index] = column.nearest(column.to_unit(np.clip([value], column.low, column.high)))[0]
        elif all(map(is_number, column.values)):
            row[0, index] = min(range(len(column.values)), key=lambda code: abs(column.values[code] - value))
    row = space.canonical_rows(space.layout.masked(row))
    # What depends on the number may be missing now.
    is_whole = bool((np.isnan(row) == np.isnan(space.rows([point]))).all())
    return space.points(row)[0] if is_whole and space.valid_rows(row)[0] else None


def both(space: SearchSpace, one: Point, other: Point) -> Point | None:
    """A point with the faults of two points; None where the space does not allow that.

    The other's fault goes to the first place among the faults that is free in the one's and takes its values.
    """
    taken = {group.prefix for group in space.groups if _is_on(space, group, one)}
    source = next((group for group in space.groups if _is_on(space, group, other)), None)
    if source is None:
        return None
    for group in space.groups:
        if group.prefix in taken:
            continue
        merged = _moved(space, one, other, source, group)
        row = space.layout.masked(merged[None, :])
        if space.valid_rows(row)[0]:
            point = space.points(space.canonical_rows(row))[0]
            if len(space.plans(point)) == len(taken) + 1:
                return point
    return None


def _moved(space: SearchSpace, one: Point, other: Point, source: Group, group: Group) -> Rows:
    """The row of `one`, with what `other` says of one fault said of another."""
    index, columns = space.layout.index, space.layout.columns
    row = np.where(np.isnan(found := space.rows([one])[0]), _rests(space)[0], found)
    words = {each.word: each.name for each in source.sources}
    for each in group.sources:
        value = other.get(words.get(each.word, ""))
        if each.name in index and value is not None and columns[index[each.name]].takes(value):
            row[index[each.name]] = columns[index[each.name]].code(value)
    return row


def _is_on(space: SearchSpace, group: Group, point: Point) -> bool:
    return any(each_plan([group], {**space.fixed, **point}))


def _of_group(space: SearchSpace, group: Group, calls: Sequence[SeenCall]) -> Rows:
    """Its fault alone, in every combination of categories."""
    columns, index, off = space.layout.columns, space.layout.index, _off(space)
    sources = {index[source.name]: source for source in group.sources if source.name in index}
    strong = [place for place, source in sources.items() if _is_scale(source, columns[place])]
    categories = [place for place in sources if columns[place].is_categorical and place not in strong]
    codes = [[code for code in range(len(columns[place].values)) if code != off.get(place)] for place in categories]
    combined = combinations(codes, [(sources[place], columns[place]) for place in categories], calls)
    codes_of = np.array(combined, dtype=float).reshape(len(combined), len(categories))
    rows = np.empty((len(combined), len(columns)))
    left = np.arange(len(rows))
    for rest in _rests(space):
        rows[left] = rest
        rows[left[:, None], categories] = codes_of[left]
        rows[left], is_allowed = _as_strong_as_allowed(space, rows[left], strong)
        left = left[~is_allowed]
    return np.delete(rows, left, axis=0)


def _rests(space: SearchSpace) -> list[Rows]:
    """Rows of which the other faults' part is taken: these off, where that can be said, else as weak as can be.

    Two, since two faults may not be allowed at one place.
    """
    columns, off = space.layout.columns, _off(space)
    sources = {source.name: source for group in space.groups for source in group.sources}
    return [
        np.array([off.get(place, _rest(space, sources.get(column.name), column, is_last=is_last))
                  for place, column in enumerate(columns)])
        for is_last in (False, True)
    ]  # fmt: skip


def _as_strong_as_allowed(space: SearchSpace, rows: Rows, strong: Sequence[int]) -> tuple[Rows, Mask]:
    """The rows with each of these numbers in turn as high as it may be, and which of them are allowed."""
    shares = {place: np.ones(len(rows)) for place in strong}
    found = _with_entries(space, rows, shares)
    is_allowed = space.valid_rows(found)
    weak = np.flatnonzero(~is_allowed)
    lowered = _lowered(space, rows[weak], strong)
    weak, lowered = weak[~np.isnan(lowered)], lowered[~np.isnan(lowered)]
    shares = dict.fromkeys(strong, lowered)
    for place in strong:
        shares[place] = _raised(space, rows[weak], shares, place)
    found[weak], is_allowed[weak] = _with_entries(space, rows[weak], shares), True
    return found, is_allowed


def _lowered(space: SearchSpace, rows: Rows, strong: Sequence[int]) -> Rows:
    """How much of their strength these numbers may have, all alike; NaN where nothing is allowed."""
    found = np.full(len(rows), np.nan)
    for share in _STEPS:
        left = np.flatnonzero(np.isnan(found))
        tried = _with_entries(space, rows[left], dict.fromkeys(strong, np.full(len(left), share)))
        found[left[space.valid_rows(tried)]] = share
    return found


def _raised(space: SearchSpace, rows: Rows, shares: Mapping[int, Rows], place: int) -> Rows:
    """The most that one number may have of its strength, all else as it is."""

    def is_allowed(tried: Rows) -> Mask:
        return space.valid_rows(_with_entries(space, rows, {**shares, place: tried}))

    best = shares[place].copy()
    for step in _STEPS[::-1]:
        best = np.where((step > best) & is_allowed(np.full(len(rows), step)), step, best)
    over = np.minimum(1.0, best + 1 / (len(_STEPS) - 1))
    for _ in range(_HALVINGS):
        middle = (best + over) / 2
        fits = is_allowed(middle)
        best, over = np.where(fits, middle, best), np.where(fits, over, middle)
    return best


def _with_entries(space: SearchSpace, rows: Rows, shares: Mapping[int, Rows]) -> Rows:
    changed = rows.copy()
    for place, share in shares.items():
        changed[:, place] = _entries(space.layout.columns[place], share)
    return space.canonical_rows(space.layout.masked(changed))


def _is_scale(source: Source, column: Column) -> bool:
    """Whether it goes from mild to strong."""
    return isinstance(source.known, Scale) and (not column.is_categorical or all(map(is_number, column.values)))


def _entries(column: Column, shares: Rows) -> Rows:
    """The entries with these shares of the strength that the dimension allows."""
    if not column.is_categorical:
        return column.nearest(shares)
    ascending = np.argsort(np.array(column.values, dtype=float), kind="stable")
    found: Rows = ascending[np.round(shares * (len(ascending) - 1)).astype(int)].astype(float)
    return found


def _off(space: SearchSpace) -> dict[int, float]:
    """Of the columns that say a fault's kind, the entry that says that there is none, where one does."""
    found: dict[int, float] = {}
    for source in (each for group in space.groups for each in group.of("fault_type")):
        if (place := space.layout.index.get(source.name)) is None:
            continue
        for code, value in enumerate(space.layout.columns[place].values):
            if is_no_fault(value):
                found.setdefault(place, float(code))
    return found


def _rest(space: SearchSpace, source: Source | None, column: Column, *, is_last: bool) -> float:
    """Where a number or a category is of which a screen says nothing."""
    default = space.dimension(column.name).default
    if source is not None and source.known is DURATION_SECONDS:
        return column.high  # a fault that ends before its window does is not at full strength
    if column.is_categorical and is_last:
        return column.high
    is_scale = source is not None and isinstance(source.known, Scale)
    return column.low if default is None or is_scale else column.code(default)
