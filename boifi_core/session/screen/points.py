"""Faults at full strength, in a search space's own terms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from boifi_core.faults.kinds import PERCENTAGE, Scale
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.condition import is_number
from boifi_core.space.plans import Group, each_plan, is_no_fault
from boifi_core.space.rows import Column, Rows

_MOST = 4_000
"""Of more combinations of categories, so many are drawn."""

_SOME = 30.0
"""Percent: a third of the requests, so that most are well and those that fail are no chance."""

_STEPS = np.linspace(1.0, 0.0, 21)
"""How much of their full strength numbers have where guardrails and constraints forbid more."""


def full_strength(space: SearchSpace) -> list[Point]:
    """One point for each combination of categories of each fault alone, its numbers as strong as is allowed.

    Other faults of the space are switched off, where that can be said. Points that send the same faults are one.
    """
    found: list[Rows] = [_of_group(space, group) for group in space.groups]
    rows = np.vstack([rows for rows in found if len(rows)] or [np.empty((0, len(space.dimensions)))])
    if not len(rows):
        return []
    ids = space.ids(rows)
    first = {identity: place for place, identity in reversed([*enumerate(ids)])}
    points = space.points(rows[sorted(first.values())])
    few = min(len(space.plans(point)) for point in points)
    return [point for point in points if len(space.plans(point)) == max(1, few)]


def in_part(space: SearchSpace, point: Point) -> Point | None:
    """The point, its fault striking only some of the requests; None where that cannot be said, or is not allowed."""
    names = [source.name for group in space.groups for source in group.sources if source.known is PERCENTAGE]
    changed = with_number(space, point, names, _SOME)
    return None if changed is None or space.plans(changed) == space.plans(point) else changed


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
        if column.is_categorical:
            continue
        row[0, index] = column.nearest(column.to_unit(np.clip([value], column.low, column.high)))[0]
    row = space.canonical_rows(row)
    return space.points(row)[0] if space.valid_rows(row)[0] else None


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
    row = np.where(np.isnan(found := space.rows([one])[0]), [_rest(column) for column in columns], found)
    words = {each.word: each.name for each in source.sources}
    for each in group.sources:
        value = other.get(words.get(each.word, ""))
        if each.name in index and value is not None and columns[index[each.name]].takes(value):
            row[index[each.name]] = columns[index[each.name]].code(value)
    return row


def _is_on(space: SearchSpace, group: Group, point: Point) -> bool:
    return any(each_plan([group], {**space.fixed, **point}))


def _of_group(space: SearchSpace, group: Group) -> Rows:
    """Its fault alone, in every combination of categories."""
    columns, index = space.layout.columns, space.layout.index
    off = _off(space)
    own = [index[source.name] for source in group.sources if source.name in index]
    base = np.array([off.get(place, _rest(column)) for place, column in enumerate(columns)])
    strong = [place for place in own if _is_scale(group, columns[place])]
    categories = [place for place in own if columns[place].is_categorical and place not in strong]
    combined = np.array([*_combinations([len(columns[place].values) for place in categories])], dtype=float)
    rows = np.repeat(base[None, :], len(combined), axis=0)
    if categories:
        rows[:, categories] = combined
    for place in own:
        if place in off:
            rows = rows[rows[:, place] != off[place]]
    return _as_strong_as_allowed(space, rows, strong)


def _as_strong_as_allowed(space: SearchSpace, rows: Rows, strong: Sequence[int]) -> Rows:
    """The rows that are allowed, with each of these numbers in turn as high as it may be."""
    whole = _with_entries(space, rows, dict.fromkeys(strong, 1.0))
    is_whole = space.valid_rows(whole)
    left = _with_entries(space, rows[~is_whole], dict.fromkeys(strong, 0.0))
    left = left[space.valid_rows(left)]
    for place in strong:
        raised = np.zeros(len(left), bool)
        for share in _STEPS:
            tried = _with_entries(space, left, {place: share})
            better = space.valid_rows(tried) & ~raised & ~np.isnan(left[:, place])
            left[better], raised = tried[better], raised | better
    return np.vstack([whole[is_whole], left])


def _with_entries(space: SearchSpace, rows: Rows, shares: Mapping[int, float]) -> Rows:
    changed = rows.copy()
    for place, share in shares.items():
        there = ~np.isnan(changed[:, place])
        changed[there, place] = _entry(space.layout.columns[place], share)
    return space.canonical_rows(space.layout.masked(changed))


def _combinations(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All of them; of too many, some by chance."""
    if math.prod(sizes) <= _MOST:
        return product(*map(range, sizes))
    rng = np.random.default_rng(0)
    return (tuple(row) for row in (rng.random((_MOST, len(sizes))) * sizes).astype(int))


def _is_scale(group: Group, column: Column) -> bool:
    """Whether it goes from mild to strong."""
    source = next(source for source in group.sources if source.name == column.name)
    return isinstance(source.known, Scale) and (not column.is_categorical or all(map(is_number, column.values)))


def _entry(column: Column, share: float) -> float:
    """The entry with this share of the strength that the dimension allows."""
    if column.is_categorical:
        ascending = sorted(range(len(column.values)), key=lambda code: column.values[code])
        return float(ascending[round(share * (len(ascending) - 1))])
    return float(column.nearest(np.array([share]))[0])


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


def _rest(column: Column) -> float:
    return column.low
