"""What earlier sessions found out, told in the search space of this one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boifi_core.models import Point
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.novelty import novelty
from boifi_core.space import SearchSpace
from boifi_core.space.condition import is_number, same
from boifi_core.space.rows import Column, Rows

Floats = NDArray[np.float64]

Entry = tuple[Point, float | None, Mapping[str, float] | None]
"""A point, its score (None: discarded), its signals."""

_LEAST, _OF_THE_WORST = 0.5, 0.5
"""What a fault must be expected to reach to be worth another try: severity points, and a share of the worst one's."""


def translated(space: SearchSpace, entries: Iterable[Entry]) -> Evidence:
    """The scored trials of another session that make sense in `space`, oldest first.

    - A dimension that is gone is dropped; one that is fixed now must have had that value, if it is no number.
    - One that is new is unknown: missing in the row. One whose condition does not hold here is absent.
    - A number outside its range stays outside, by at most the range's own width.
    - A trial with a category that there is no more is left out, and so is one that has no dimension of this space.
    """
    found = [
        (row, float(score), dict(signals or {}))
        for point, score, signals in entries
        if score is not None and math.isfinite(score) and (row := _row(space, point)) is not None
    ]
    rows = np.array([row for row, _, _ in found]).reshape(len(found), len(space.dimensions))
    scores = np.array([score for _, score, _ in found], np.float64)
    return Evidence(space.layout.masked(rows), scores, [signals for _, _, signals in found], len(found))


def fitted_in(space: SearchSpace, past: Evidence, rng: np.random.Generator) -> Rows:
    """The rows of `translated` as points of the space: what is unknown is drawn, a number outside moves to the edge.

    Those that keep to no constraints even so are left out.
    """
    drawn = space.layout.draw(rng, len(past))
    low, high = (np.array([getattr(column, end) for column in space.layout.columns]) for end in ("low", "high"))
    taken = [column.taken(past.rows[:, index], np.round) for index, column in enumerate(space.layout.columns)]
    inside = np.clip(np.column_stack(taken), low, high)
    rows = space.canonical_rows(space.layout.masked(np.where(np.isnan(inside), drawn, inside)))
    return rows[space.valid_rows(rows)]


def worth_another_try(space: SearchSpace, rows: Rows, mean: Callable[[Rows], Floats], most: int) -> Rows:
    """The rows that are expected to be worst, at most so many, each unlike those before it.

    Args:
        rows: known faults, from `fitted_in`.
        mean: what severity to expect, shape (n,): a lucky reading must not be tried again for its luck.
    """
    chosen = np.empty((0, rows.shape[1]))
    if not len(rows):
        return chosen
    expected, encoded = mean(rows), space.encode_rows(rows)
    least = max(_LEAST, _OF_THE_WORST * float(expected.max()))
    while len(chosen) < most:
        unlike = novelty(encoded, space.encode_rows(chosen)) if len(chosen) else np.ones(len(rows))
        promise = np.where(expected >= least, expected * unlike, 0.0)
        best = int(promise.argmax())
        if promise[best] <= 0:
            break
        chosen = np.vstack([chosen, rows[best]])
    return chosen


def _row(space: SearchSpace, point: Point) -> Rows | None:
    """The point as a row with conditions not applied yet; None if it makes no sense here."""
    if any(name in point and not _agrees(point[name], value) for name, value in space.fixed.items()):
        return None
    row = np.full(len(space.dimensions), np.nan)
    for index, (dimension, column) in enumerate(zip(space.dimensions, space.layout.columns, strict=True)):
        if dimension.name not in point:
            continue
        value = point[dimension.name]
        if not (dimension.contains(value) if column.is_categorical else is_number(value)):
            return None
        row[index] = column.code(value) if column.is_categorical else _within_reach(column, float(value))
    return None if np.isnan(row).all() else row


def _agrees(value: Any, fixed: Any) -> bool:
    return (is_number(value) and is_number(fixed)) or same(value, fixed)


def _within_reach(column: Column, value: float) -> float:
    if column.log:
        ratio = column.high / column.low
        tiny, huge = np.finfo(np.float64).tiny, np.finfo(np.float64).max
        return float(np.clip(value, max(column.low / ratio, tiny), min(column.high * ratio, huge)))
    width = column.high - column.low
    return float(np.clip(value, column.low - width, column.high + width))
