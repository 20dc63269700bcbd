"""Which of the candidates is tried next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.acquisition import Acquisition
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.novelty import novelty
from boifi_core.optimizer.pareto import pareto_front
from boifi_core.optimizer.surrogate import Surrogate
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]

OBJECTIVES = ("bug_score", "performance_score", "structure_score")
"""The signals that `pareto` weighs against each other."""


class Selection(Protocol):
    """One way to choose."""

    def choose(self, rows: Rows, promise: Floats, known: Evidence) -> int:
        """The index of the candidate to try.

        Args:
            rows: the candidates, shape (n, dimensions), n >= 1.
            promise: what the acquisition function gives for their severity, shape (n,).
            known: what has been recorded.
        """


class HighestSeverity:
    """The most promising candidate; of several equally promising ones, the farthest from all that was tried."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def choose(self, rows: Rows, promise: Floats, known: Evidence) -> int:
        """See `Selection`."""
        best = np.flatnonzero(promise >= promise.max())
        if len(best) == 1:
            return int(best[0])
        far = novelty(self._space.encode_rows(rows[best]), self._space.encode_rows(known.rows))
        return int(best[far.argmax()])


class FromParetoFront:
    """The most promising of the candidates that no other beats in bugs, performance and structure at once.

    Each of the three scores has a model of its own, and the promise of a candidate in it is the acquisition function's.
    Trials without all three signals are left aside; while fewer than two have them, severity alone decides.
    """

    def __init__(self, space: SearchSpace, make_surrogate: Callable[[], Surrogate], acquisition: Acquisition) -> None:
        self._surrogates = [make_surrogate() for _ in OBJECTIVES]
        self._acquisition = acquisition
        self._among = HighestSeverity(space)

    def choose(self, rows: Rows, promise: Floats, known: Evidence) -> int:
        """See `Selection`."""
        have_all = [all(name in signals for name in OBJECTIVES) for signals in known.signals]
        whole = known.take(np.flatnonzero(have_all))
        if len(whole) < 2:
            return self._among.choose(rows, promise, known)
        promises = [
            self._promise(surrogate, rows, whole, name)
            for name, surrogate in zip(OBJECTIVES, self._surrogates, strict=True)
        ]
        front = np.flatnonzero(pareto_front(np.column_stack(promises)))
        return int(front[self._among.choose(rows[front], promise[front], known)])

    def _promise(self, surrogate: Surrogate, rows: Rows, whole: Evidence, name: str) -> Floats:
        scores = np.array([signals[name] for signals in whole.signals])
        surrogate.fit(replace(whole, scores=scores))
        mean, std = surrogate.view(len(whole)).predict(rows)
        return self._acquisition(mean, std, float(scores.max()))


SELECTIONS: Mapping[str, Callable[[SearchSpace, Callable[[], Surrogate], Acquisition], Selection]] = {
    "severity": lambda space, make_surrogate, acquisition: HighestSeverity(space),
    "pareto": FromParetoFront,
}
