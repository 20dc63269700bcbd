"""Random search among faults that strike nearly all requests, as who tests by hand would."""

from __future__ import annotations

import numpy as np

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import WholeSpace
from boifi_core.faults.kinds import PERCENTAGE
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column

_TOP = 0.75


class HighPercentages:
    """Percentages are drawn from the upper quarter of what the space has, all else from all of it."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._whole = WholeSpace(space, seed)
        self._rng = np.random.default_rng([seed, 0x41C4])
        shares = {source.name for group in space.groups for source in group.sources if source.known is PERCENTAGE}
        self._raised = [i for i, column in enumerate(self._whole.columns) if column.name in shares]
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        row = self._space.layout.draw(self._rng, 1)[0]
        for index in self._raised:
            row[index] = _high(self._whole.columns[index], self._rng)
        return self._whole.settled(row.tolist()).point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        self._best.see(point, reading.severity)

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point


def _high(column: Column, rng: np.random.Generator) -> float:
    if column.is_categorical:
        ascending = sorted(range(len(column.values)), key=lambda code: column.values[code])
        return float(rng.choice(ascending[min(len(ascending) - 1, round(_TOP * len(ascending))) :]))
    drawn = np.array([column.low + rng.uniform(_TOP, 1.0) * (column.high - column.low)])
    return float(column.nearest(column.to_unit(drawn))[0])
