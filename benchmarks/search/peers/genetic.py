"""A genetic search of the plain kind that krkn-ai uses: tournament, uniform crossover, mutation, elitism."""

from __future__ import annotations

import numpy as np

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import Whole, WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

_POPULATION = 10
_ELITES = 2
_TOURNAMENT = 3
_CROSSOVER = 0.8
_MUTATION = 0.15
"""How often each value of a child is drawn again."""

_TRIES = 20
"""How often a child is made anew because it was tried before."""


class GeneticSearch:
    """Ten points a generation; the two best live on with the severity that they had, and are not tried again."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._whole = WholeSpace(space, seed)
        self._rng = np.random.default_rng([seed, 0x6E6E])
        self._population: list[tuple[float, Rows]] = []
        self._children: list[tuple[float, Rows]] = []
        self._asked: Whole | None = None
        self._tried: set[tuple[float | None, ...]] = set()
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        for _ in range(_TRIES):
            self._asked = self._whole.settled(self._child() if self._population else self._drawn())
            if self._space.key(self._asked.point) not in self._tried:
                break
        assert self._asked is not None
        return self._asked.point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        self._best.see(point, reading.severity)
        self._tried.add(self._space.key(point))
        self._children.append((reading.severity, self._asked.entries))
        elites = sorted(self._population, key=_severity, reverse=True)[:_ELITES]
        if len(self._children) + len(elites) >= _POPULATION:
            self._population, self._children = [*elites, *self._children], []

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point

    def _drawn(self) -> Rows:
        return self._space.layout.draw(self._rng, 1)[0]

    def _child(self) -> Rows:
        child = self._parent().copy()
        if self._rng.random() < _CROSSOVER:
            child = np.where(self._rng.random(len(child)) < 0.5, child, self._parent())
        changed = self._rng.random(len(child)) < _MUTATION
        changed[self._rng.integers(len(child))] |= not changed.any()
        return np.where(changed, self._drawn(), child)

    def _parent(self) -> Rows:
        rivals = self._rng.choice(len(self._population), size=_TOURNAMENT, replace=False)
        return max((self._population[i] for i in rivals), key=_severity)[1]


def _severity(member: tuple[float, Rows]) -> float:
    return member[0]
