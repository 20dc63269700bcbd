"""For libraries that know neither conditions nor constraints: every dimension always has a value.

A value of a dimension that its condition rules out is ignored. Where a constraint is broken, what its `then` side
speaks of is drawn again from what it allows, as BOIFI's own random points are; the library is told the values that were
tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows
from boifi_core.space.sampling import settle


@dataclass(frozen=True)
class Whole:
    """A point with a value for every dimension.

    Attributes:
        point: what is tried: the dimensions that apply.
        entries: one number per dimension, none missing; a category by its place in the list.
    """

    point: Point
    entries: Rows


class WholeSpace:
    """A search space seen as one without conditions and constraints."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._rng = np.random.default_rng([seed, 0x5E77])
        self.columns = space.layout.columns

    def settled(self, entries: Sequence[float]) -> Whole:
        """The valid point that these values stand for."""
        drawn = np.array(entries, float)[None, :]
        row = settle(self._space.layout, self._rng, drawn)
        if not self._space.valid_rows(row)[0]:
            row = self._space.sample_rows(self._rng, 1)
            drawn = np.where(np.isnan(row), drawn, row)
        return Whole(self._space.points(row)[0], drawn[0])

    def filled(self, points: Sequence[Point]) -> Rows:
        """Valid points with the middle of its range, or the first category, for each dimension that does not apply."""
        rows = self._space.rows(points)
        middle = np.array(
            [0.0 if column.is_categorical else column.nearest(np.array([0.5]))[0] for column in self.columns]
        )
        return np.where(np.isnan(rows), middle, rows)
