"""scikit-optimize: ten initial points, then expected improvement; all else as it is by default.

Its default is to hedge between three acquisition functions, which takes three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from skopt import Optimizer
from skopt.space import Categorical, Dimension, Integer, Real

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import Whole, WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column, Rows


class ScikitOptimize:
    """`skopt.Optimizer`, which minimises, so it is told the severity with its sign changed."""

    def __init__(self, space: SearchSpace, seed: int, estimator: Literal["RF", "ET", "GP"]) -> None:
        self._whole = WholeSpace(space, seed)
        self._optimizer = Optimizer(
            [_dimension(column) for column in self._whole.columns],
            base_estimator=estimator,
            acq_func="EI",
            random_state=seed,
            n_jobs=1,
        )
        self._asked: Whole | None = None
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        self._asked = self._whole.settled(self._optimizer.ask())
        return self._asked.point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        self._best.see(point, reading.severity)
        self._optimizer.tell(self._values(self._asked.entries), -reading.severity)

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point

    def predict(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """See `Predicts`."""
        rows = [self._values(row) for row in self._whole.filled(points)]
        return -np.asarray(self._optimizer.models[-1].predict(self._optimizer.space.transform(rows)), float)

    def _values(self, entries: Rows) -> list[Any]:
        return [
            float(entry) if column.is_real else int(entry)
            for column, entry in zip(self._whole.columns, entries, strict=True)
        ]


def _dimension(column: Column) -> Dimension:
    if column.is_categorical:
        return Categorical(list(range(len(column.values))))
    prior = "log-uniform" if column.log else "uniform"
    if column.is_real:
        return Real(column.low, column.high, prior=prior)
    return Integer(int(column.low), int(column.high), prior=prior)
