"""What every peer of the benchmark can do, whatever library is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.landscape import Reading
from boifi_core.models import Point


class Peer(Protocol):
    """One search, made for one space and one seed; told of each reading before it is asked again."""

    def propose(self) -> Point:
        """The next point to try; valid in the space.

        Raises:
            SpaceExhausted: there is nothing left to try.
        """

    def record(self, point: Point, reading: Reading) -> None:
        """Learn what the point showed that was proposed last."""

    def recommend(self) -> Point:
        """The point that the library itself would name as the best, after at least one record."""


@runtime_checkable
class Predicts(Protocol):
    """A peer whose library lets its model be asked."""

    def predict(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """The severity expected at each point, shape (n,)."""


class BestObserved:
    """The recommendation of libraries that have nothing better: the point with the highest reading, the first of equal
    ones."""

    def __init__(self) -> None:
        self._best: tuple[float, Point] | None = None

    def see(self, point: Point, severity: float) -> None:
        """Note one reading."""
        if self._best is None or severity > self._best[0]:
            self._best = (severity, point)

    @property
    def point(self) -> Point:
        """The one to recommend."""
        if self._best is None:
            raise ValueError("nothing was recorded yet")
        return self._best[1]
