"""MAP-Elites by `ribs`: of each niche the worst fault is kept, and the next points are near to those.

A niche is a pair of values of the two dimensions with most categories; a number has eight parts where categories lack.
Points are places between 0 and 1 in each dimension, those of a category in equal parts.
Source: Mouret & Clune (2015), Illuminating search spaces by mapping elites, arXiv:1504.04909.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ribs.archives import GridArchive
from ribs.emitters import GaussianEmitter

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import Whole, WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column, Rows

_BATCH = 10
_FIRST = 20
"""So many points are drawn at random before."""

_SPREAD = 0.2
_PARTS = 8
_NICHES = 2


class MapElites:
    """A grid of elites, filled by points that differ from one of them by Gaussian noise."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._whole = WholeSpace(space, seed)
        columns = self._whole.columns
        self._told_by = sorted(range(len(columns)), key=lambda i: -_niches(columns[i]) * columns[i].is_categorical)
        self._told_by = self._told_by[:_NICHES]
        self._archive = GridArchive(
            solution_dim=len(columns),
            dims=[_niches(columns[i]) for i in self._told_by],
            ranges=[(0.0, 1.0)] * len(self._told_by),
            seed=seed,
        )
        first = space.layout.draw(np.random.default_rng([seed, 0x3A9E]), _FIRST)
        self._emitter = GaussianEmitter(
            self._archive,
            sigma=_SPREAD,
            initial_solutions=np.array([self._units(row) for row in first]),
            lower_bounds=[0.0] * len(columns),
            upper_bounds=[1.0] * len(columns),
            batch_size=_BATCH,
            seed=seed,
        )
        self._waiting: list[NDArray[np.float64]] = []
        self._made: list[tuple[NDArray[np.float64], float]] = []
        self._asked: Whole | None = None
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        if not self._waiting:
            self._add()
            self._waiting = list(self._emitter.ask())
        units = self._waiting.pop(0)
        columns = self._whole.columns
        self._asked = self._whole.settled([_entry(column, unit) for column, unit in zip(columns, units, strict=True)])
        return self._asked.point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        self._best.see(point, reading.severity)
        self._made.append((self._units(self._asked.entries), reading.severity))

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point

    def _add(self) -> None:
        if self._made:
            solutions = np.array([units for units, _ in self._made])
            self._archive.add(solutions, [severity for _, severity in self._made], solutions[:, self._told_by])
            self._made = []

    def _units(self, row: Rows) -> NDArray[np.float64]:
        return np.array([_unit(column, entry) for column, entry in zip(self._whole.columns, row, strict=True)])


def _niches(column: Column) -> int:
    return len(column.values) if column.is_categorical else _PARTS


def _entry(column: Column, unit: float) -> float:
    """A category has an equal part of 0 to 1."""
    if column.is_categorical:
        return float(min(int(unit * len(column.values)), len(column.values) - 1))
    return float(column.nearest(np.array([unit]))[0])


def _unit(column: Column, entry: float) -> float:
    if column.is_categorical:
        return (entry + 0.5) / len(column.values)
    return float(np.clip(column.to_unit(np.array([entry]))[0], 0.0, 1.0))
