"""What the model expects along each dimension: around the worst fault known, and over the whole space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column, Rows

Floats = NDArray[np.float64]

_NUMBERS = 24
"""At how many values of a number the model is asked."""

_CATEGORIES = 40
"""At most so many categories are asked for, those of the worst trials first."""

_ELSEWHERE = 64
"""Over how many random rows the average is taken."""

_DRAWN = 1024
"""Among how many such rows those are looked for, where a dimension is there on some conditions only."""

_AT_ONCE = 512
"""So many points fit the processor's cache: all at once take longer."""

_STREAM = 11
"""Of the random rows: always the same, so that the same model gives the same curves."""


@dataclass(frozen=True)
class Curve:
    """The severity that the model expects along one dimension, at each of `values`, ascending or in the user's order.

    Attributes:
        dimension: its name.
        values: the dimension's own, plain Python.
        through: the tried point that only this dimension is changed of, and what depends on it: the worst known, or,
            where that is without this dimension, the most severe one that has it; None: no tried point has it.
        mean, std: there; the standard deviation is what the model does not know. NaN where the space has no such point.
        average: the mean over the whole space with this value, as far as it has it; NaN where it has none.
    """

    dimension: str
    values: tuple[Any, ...]
    through: Point | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    average: tuple[float, ...]


class Model(Protocol):
    """What must be known of an optimizer: its space, the points that it was told of, and what it expects of others."""

    @property
    def space(self) -> SearchSpace: ...
    @property
    def history(self) -> Sequence[tuple[Point, float]]: ...
    def predict(self, points: Sequence[Point]) -> tuple[Floats, Floats]: ...


def curves(model: Model, best: Point | None) -> tuple[Curve, ...]:
    """One curve for each dimension, in the user's order.

    `average` is the partial dependence: Friedman (2001), Annals of Statistics 29, 1189-1232, section 8.2; over points
    that keep to the conditions and constraints, instead of over the trials, which the search has chosen.

    Args:
        model: has learnt from at least two trials.
        best: the point that is taken for the worst fault; None: the highest reading.
    """
    space = model.space
    rng = np.random.default_rng(_STREAM)
    elsewhere = _Filled(space, space.sample_rows(rng, _DRAWN), space.layout.draw(rng, _DRAWN))
    by_severity = [point for point, _ in sorted(model.history, key=lambda tried: -tried[1])]
    worst_first = space.rows(by_severity if best is None else [best, *by_severity])
    return tuple(_curve(model, index, elsewhere, worst_first) for index in range(len(space.dimensions)))


def _curve(model: Model, index: int, elsewhere: _Filled, worst_first: Rows) -> Curve:
    space = model.space
    column = space.layout.columns[index]
    entries = _entries(column, worst_first[:, index])
    has_it = worst_first[~np.isnan(worst_first[:, index])]
    along = [elsewhere.at(index, entry) for entry in entries]
    average = _means(_asked(model, np.vstack(along))[0], [len(rows) for rows in along])
    mean = std = np.full(len(entries), np.nan)
    if len(has_it):
        around = _Filled(space, has_it[:1], _worst_known(space, worst_first)[None, :])
        rows = [around.at(index, entry) for entry in entries]
        there = np.array([len(row) > 0 for row in rows])
        mean, std = mean.copy(), std.copy()
        mean[there], std[there] = _asked(model, np.vstack(rows))
    return Curve(
        dimension=column.name,
        values=tuple(column.decode(entries)),
        through=space.points(has_it[:1])[0] if len(has_it) else None,
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        average=tuple(average.tolist()),
    )


class _Filled:
    """Rows, and what stands in the dimensions that they are without, should a change bring these about."""

    def __init__(self, space: SearchSpace, rows: Rows, fill: Rows) -> None:
        self._space = space
        self._whole: Rows = np.where(np.isnan(rows), fill, rows)
        self._there = ~np.isnan(rows)

    def at(self, index: int, entry: float) -> Rows:
        """The rows that have this dimension, with this entry in it; those left out that are not of the space then."""
        rows = self._whole[self._there[:, index]][:_ELSEWHERE].copy()
        rows[:, index] = entry
        rows = self._space.layout.masked(rows)
        valid: Rows = rows[self._space.valid_rows(rows) & ~np.isnan(rows[:, index])]
        return valid


def _entries(column: Column, tried: Floats) -> Floats:
    """The entries that are asked for, ascending; numbers evenly spread, on the dimension's own scale, and the worst's.

    Args:
        tried: the worst first; NaN where one is without the dimension.
    """
    known = tried[~np.isnan(tried)]
    if not column.is_categorical:
        return np.unique(np.append(column.nearest(np.linspace(0.0, 1.0, _NUMBERS)), known[:1]))
    categories = dict.fromkeys([*known.tolist(), *map(float, range(len(column.values)))])
    return np.array(sorted(list(categories)[:_CATEGORIES]))


def _worst_known(space: SearchSpace, worst_first: Rows) -> Floats:
    """For each dimension the entry of the most severe row that has it, or its lowest where none has."""
    found = np.array([column.low for column in space.layout.columns])
    for index in range(worst_first.shape[1]):
        known = worst_first[~np.isnan(worst_first[:, index]), index]
        if len(known):
            found[index] = known[0]
    return found


def _asked(model: Model, rows: Rows) -> tuple[Floats, Floats]:
    if not len(rows):
        return np.empty(0), np.empty(0)
    points = model.space.points(rows)
    parts = [model.predict(points[start : start + _AT_ONCE]) for start in range(0, len(points), _AT_ONCE)]
    return np.concatenate([mean for mean, _ in parts]), np.concatenate([std for _, std in parts])


def _means(values: Floats, sizes: Sequence[int]) -> Floats:
    """The mean of each of the consecutive groups of these sizes; NaN for an empty one."""
    ends = np.cumsum(sizes)
    return np.array(
        [float(values[end - n : end].mean()) if n else np.nan for n, end in zip(sizes, ends, strict=True)], np.float64
    )
