"""How far apart points are, dimension by dimension."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from boifi_core.space.rows import Layout, Rows

Floats = NDArray[np.float64]


class Distances:
    """Distances between points in each dimension of a space.

    A dimension's distance is 0 for equal entries and at most 1: another category is 1 away, a number by its share of
    the range (in logarithms with `log_scale`). Where a dimension is absent from both points it says nothing (0); where
    it is there in one only, the points are as unlike in it as they can be (1).
    """

    def __init__(self, layout: Layout) -> None:
        self._columns = layout.columns
        self._is_categorical = np.array([column.is_categorical for column in layout.columns])

    @property
    def n_dimensions(self) -> int:
        """How many dimensions there are."""
        return len(self._columns)

    def coordinates(self, rows: Rows) -> Floats:
        """The rows with numbers scaled to 0 to 1 and categories as their index, NaN where absent."""
        if not len(rows):
            return rows
        scaled = [
            rows[:, i] if column.is_categorical else column.to_unit(rows[:, i])
            for i, column in enumerate(self._columns)
        ]
        return np.column_stack(scaled)

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
            differs = one != other
            if absent.any() and other_absent.any():
                differs &= ~(absent & other_absent)
            return np.asarray(differs, np.float64)
        apart: Floats = np.abs(one - other)
        if absent.any() or other_absent.any():
            apart = np.where(absent | other_absent, 1.0, apart)
            apart[np.broadcast_to(absent & other_absent, apart.shape)] = 0.0
        return apart
