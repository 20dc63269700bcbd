"""Random search: as many points of the space as there are trials."""

from __future__ import annotations

import numpy as np

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from boifi_core.models import Point
from boifi_core.space import SearchSpace


class RandomSearch:
    """Points drawn as BOIFI draws its own random ones; recommends the best observed."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._rng = np.random.default_rng([seed, 0xD1CE])
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        return self._space.sample(self._rng, 1)[0]

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        self._best.see(point, reading.severity)

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point
