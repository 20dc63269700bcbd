"""BOIFI itself, as a session uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.landscape import Reading
from boifi_core.models import Point
from boifi_core.optimizer import OptimizerCore
from boifi_core.space import SearchSpace


class Boifi:
    """`OptimizerCore`; told the signals too where that is asked for."""

    def __init__(self, space: SearchSpace, seed: int, *, signals: bool = False, **options: Any) -> None:
        self._core = OptimizerCore(space, random_state=seed, **options)
        self._signals = signals

    def propose(self) -> Point:
        """See `Peer`."""
        return self._core.propose()

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        self._core.record(point, reading.severity, signals=reading.signals if self._signals else None)

    def recommend(self) -> Point:
        """See `Peer`."""
        best = self._core.best_point
        assert best is not None
        return best[0]

    def predict(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """See `Predicts`."""
        return self._core.predict(points)[0]
