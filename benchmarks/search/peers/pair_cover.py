"""Pair cover: each pair of values of any two dimensions is tried, in an order by chance.

Numbers have three levels: lowest, middle and highest. Each next row is the best of several that are made value by
value, each the one that covers most pairs which no row before had; when none covers any more, it begins anew.
Source: Cohen, Dalal, Fredman & Patton (1997), The AETG system, IEEE Transactions on Software Engineering 23, 437-444.
"""

from __future__ import annotations

import numpy as np

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column

_LEVELS = np.array([0.0, 0.5, 1.0])
_ROWS = 10
"""So many rows are drawn for the next one."""


class PairCover:
    """What a row covers is counted by what was tried of it: pairs of values that apply."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._whole = WholeSpace(space, seed)
        self._rng = np.random.default_rng([seed, 0xC0E2])
        self._levels = [_levels(column) for column in self._whole.columns]
        # open[i][j][a, b]: whether no row had the i-th dimension's level a with the j-th's level b.
        self._open = self._all_open()
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        rows = [self._row() for _ in range(_ROWS)]
        row = max(rows, key=self._covers)
        if not self._covers(row):
            self._open = self._all_open()
        asked = self._whole.settled([levels[place] for levels, place in zip(self._levels, row, strict=True)])
        self._cover(row, asked.point)
        return asked.point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        self._best.see(point, reading.severity)

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point

    def _row(self) -> list[int]:
        """Places of levels, the dimensions in an order by chance, each with the level that covers most."""
        row = [-1] * len(self._levels)
        for index in self._rng.permutation(len(row)):
            gains = np.zeros(len(self._levels[index]))
            for other, place in enumerate(row):
                if place >= 0:
                    gains += self._open[index][other][:, place]
            best = np.flatnonzero(gains == gains.max())
            row[index] = int(self._rng.choice(best))
        return row

    def _covers(self, row: list[int]) -> int:
        return sum(bool(self._open[i][j][row[i], row[j]]) for i in range(len(row)) for j in range(i))

    def _cover(self, row: list[int], point: Point) -> None:
        """A pair of which one value does not apply in this row counts too, lest it be tried for ever."""
        applies = [column.name in point for column in self._whole.columns]
        several = [i for i in range(len(row)) if applies[i]] or list(range(len(row)))
        covers = any(self._open[i][j][row[i], row[j]] for i in several for j in several if i != j)
        for i in range(len(row)):
            for j in range(len(row)):
                if i != j and (not covers or (applies[i] and applies[j])):
                    self._open[i][j][row[i], row[j]] = False

    def _all_open(self) -> list[list[np.ndarray]]:
        sizes = [len(levels) for levels in self._levels]
        return [[np.full((one, other), i != j) for j, other in enumerate(sizes)] for i, one in enumerate(sizes)]


def _levels(column: Column) -> list[float]:
    if column.is_categorical:
        return [float(code) for code in range(len(column.values))]
    return sorted(set(column.nearest(_LEVELS).tolist()))
