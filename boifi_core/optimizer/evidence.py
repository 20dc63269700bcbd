"""What was tried, and how it went: all that a model learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Recorded trials, oldest first; those of earlier sessions, if any, stand before this session's own.

    Attributes:
        rows: what was tried, shape (n, dimensions).
        scores: how severe it was, shape (n,).
        signals: further numbers of each trial, by name; n of them.
        n_past: how many come from earlier sessions, whose target may have been another.
    """

    rows: Rows
    scores: Floats
    signals: Sequence[Mapping[str, float]]
    n_past: int = 0

    def __len__(self) -> int:
        return len(self.scores)

    def first(self, n: int) -> Evidence:
        """The oldest `n` trials."""
        return Evidence(self.rows[:n], self.scores[:n], self.signals[:n], min(n, self.n_past))

    def take(self, indices: NDArray[np.intp]) -> Evidence:
        """Some trials, given by ascending index."""
        signals = [self.signals[i] for i in indices]
        return Evidence(self.rows[indices], self.scores[indices], signals, int((indices < self.n_past).sum()))

    def begins_with(self, other: Evidence) -> bool:
        """Whether `other` is the oldest part of this, or all of it."""
        mine = self.first(len(other))
        return (
            len(mine) == len(other)
            and mine.n_past == other.n_past
            and np.array_equal(mine.rows, other.rows, equal_nan=True)
            and np.array_equal(mine.scores, other.scores)
            and all(one == another for one, another in zip(mine.signals, other.signals, strict=True))
        )

    @property
    def is_past(self) -> NDArray[np.bool_]:
        """Which trials come from earlier sessions, shape (n,)."""
        return np.arange(len(self)) < self.n_past
