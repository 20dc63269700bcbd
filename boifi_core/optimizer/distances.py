"""How far apart points are, dimension by dimension."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from boifi_core.space.layout import Layout
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]


_UNKNOWN = float(np.sqrt(0.5))


class Distances:
    """Distances between points in each dimension of a space.

    A dimension's distance is 0 for equal entries and at most 1: another category is 1 away, a number by its share of
    the range (in logarithms with `log_scale`). Where a dimension is absent from both points it says nothing (0); where
    it is there in one only, the points are about as unlike in it as they can be: an absent category is 1 away from
    every other, an absent number lies above the middle of the range, 1 away from its ends.

    A dimension without a condition is absent only from trials of earlier sessions that did not have it: then its value
    is unknown. A number counts as the middle of its range, a category as half as unlike all others as they are unlike
    each other (as squares go, the least there can be).

    All of them are distances in some Euclidean space, without which a Gaussian process could end up with negative
    variances (Schoenberg 1938, Trans. AMS 44, 522-536). No point is equally far from all of a line.
    """

    def __init__(self, layout: Layout) -> None:
        self._columns = layout.columns
        self._is_categorical = np.array([*(column.is_categorical for column in layout.columns), True])
        self._if_absent = [_UNKNOWN if parent is None else 1.0 for parent in layout.parents] + [1.0]

    @property
    def n_dimensions(self) -> int:
        """How many dimensions there are."""
        return len(self._columns)

    def coordinates(self, rows: Rows, is_past: NDArray[np.bool_] | bool | None = None) -> Floats:
        """The rows with numbers scaled to 0 to 1 and categories as their index, NaN where absent.

        With `is_past`, a dimension more: whether a row is a trial of an earlier session, like a category.
        """
        scaled = [self._scaled(i, rows[:, i]) for i in range(len(self._columns))]
        if is_past is not None:
            scaled.append(np.broadcast_to(np.asarray(is_past, np.float64), len(rows)))
        return np.column_stack(scaled)

    def _scaled(self, dimension: int, entries: Floats) -> Floats:
        if self._is_categorical[dimension]:
            return entries
        unit = self._columns[dimension].to_unit(entries)
        return np.where(np.isnan(unit), 0.5, unit) if self._if_absent[dimension] < 1 else unit

    def pairs(self, points: Floats) -> Floats:
        """Each dimension's distances between all points, shape (dimensions, n (n - 1) / 2).

        In the order of the lower triangle, row by row: (1, 0), (2, 0), (2, 1), …
        """
        i, j = np.tril_indices(len(points), -1)
        return np.stack([self._one(d, points[i, d], points[j, d]) for d in range(points.shape[1])])

    def weighted(self, points: Floats, others: Floats, weights: Floats, measure: Callable[[Floats], Floats]) -> Floats:
        """The weighted sum of `measure` of each dimension's distance, shape (points, others)."""
        total = np.zeros((len(points), len(others)))
        for d, weight in enumerate(weights):
            total += weight * measure(self._one(d, points[:, d, None], others[None, :, d]))
        return total

    def _one(self, dimension: int, one: Floats, other: Floats) -> Floats:
        absent, other_absent = np.isnan(one), np.isnan(other)
        if self._is_categorical[dimension]:
            differs = np.asarray(one != other, np.float64)
            if absent.any() or other_absent.any():
                differs[np.broadcast_to(absent | other_absent, differs.shape)] = self._if_absent[dimension]
                differs[np.broadcast_to(absent & other_absent, differs.shape)] = 0.0
            return differs
        apart: Floats = np.abs(one - other)
        if absent.any() or other_absent.any():
            from_absent = np.where(absent, _from_above(other), _from_above(one))
            apart = np.where(absent | other_absent, np.where(absent & other_absent, 0.0, from_absent), apart)
        return apart


def _from_above(unit: Floats) -> Floats:
    """How far numbers are from an absent one: 1 at 0 and at 1."""
    return np.sqrt(0.75 + (unit - 0.5) ** 2)
