"""CatCMA of `cmaes`: an evolution strategy over numbers and categories together, in its form with margins.

Numbers are searched between 0 and 1, where logarithmic ones are spread evenly; its population is its own choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cmaes import CatCMAwM

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace


class CatCma:
    """`CatCMAwM`, which minimises, so it is told the severity with its sign changed."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._whole = WholeSpace(space, seed)
        columns = self._whole.columns
        self._numbers = [
            i for i, column in enumerate(columns) if not column.is_categorical and column.high > column.low
        ]
        self._categories = [i for i, column in enumerate(columns) if column.is_categorical and len(column.values) > 1]
        self._search = CatCMAwM(
            x_space=[[0.0, 1.0]] * len(self._numbers) or None,
            c_space=[len(columns[i].values) for i in self._categories] or None,
            seed=seed,
        )
        self._asked: Any = None
        self._told: list[tuple[Any, float]] = []
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        self._asked = self._search.ask()
        columns = self._whole.columns
        entries = [column.low for column in columns]
        for place, index in enumerate(self._numbers):
            entries[index] = float(columns[index].nearest(np.clip(self._asked.x[[place]], 0.0, 1.0))[0])
        for place, index in enumerate(self._categories):
            entries[index] = float(self._asked.c[place].argmax())
        return self._whole.settled(entries).point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        self._best.see(point, reading.severity)
        self._told.append((self._asked, -reading.severity))
        if len(self._told) == self._search.population_size:
            self._search.tell(self._told)
            self._told = []

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point
