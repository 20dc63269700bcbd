"""Which of the candidates is tried next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.acquisition import Acquisition
from boifi_core.optimizer.novelty import novelty, widened
from boifi_core.optimizer.pareto import pareto_front
from boifi_core.optimizer.surrogate import Surrogate

Floats = NDArray[np.float64]

OBJECTIVES = ("bug_score", "performance_score", "structure_score")
"""The signals that `pareto` weighs against each other."""


@dataclass(frozen=True)
class Known:
    """What has been recorded: encoded points, shape (n, width), and the signals of each."""

    encoded: Floats
    signals: Sequence[Mapping[str, float]]


class Selection(Protocol):
    """One way to choose."""

    def choose(self, encoded: Floats, promise: Floats, known: Known) -> int:
        """The index of the candidate to try.

        Args:
            encoded: the candidates, shape (n, width), n >= 1.
            promise: what the acquisition function gives for their severity, shape (n,).
            known: what has been recorded.
        """


class HighestSeverity:
    """The most promising candidate; of several equally promising ones, the farthest from all that was tried."""

    def choose(self, encoded: Floats, promise: Floats, known: Known) -> int:
        return _most_promising(encoded, promise, known, np.arange(len(encoded)))


class FromParetoFront:
    """The most promising of the candidates that no other beats in bugs, performance and structure at once.

    Each of the three scores has a model of its own, and the promise of a candidate in it is the acquisition function's.
    Trials without all three signals are left aside; while fewer than two have them, severity alone decides.
    """

    def __init__(self, make_surrogate: Callable[[], Surrogate], acquisition: Acquisition) -> None:
        self._surrogates = [make_surrogate() for _ in OBJECTIVES]
        self._acquisition = acquisition

    def choose(self, encoded: Floats, promise: Floats, known: Known) -> int:
        whole = [i for i, signals in enumerate(known.signals) if all(name in signals for name in OBJECTIVES)]
        everything = np.arange(len(encoded))
        if len(whole) < 2:
            return _most_promising(encoded, promise, known, everything)
        promises = [
            self._promise(surrogate, encoded, known.encoded[whole], np.array([known.signals[i][name] for i in whole]))
            for name, surrogate in zip(OBJECTIVES, self._surrogates, strict=True)
        ]
        return _most_promising(encoded, promise, known, everything[pareto_front(np.column_stack(promises))])

    def _promise(self, surrogate: Surrogate, encoded: Floats, tried: Floats, scores: Floats) -> Floats:
        surrogate.fit(tried, scores)
        mean, std = surrogate.predict(encoded)
        std = widened(std, novelty(encoded, tried), float(scores.std()))
        return self._acquisition(mean, std, float(scores.max()))


def _most_promising(encoded: Floats, promise: Floats, known: Known, among: NDArray[np.intp]) -> int:
    best = among[promise[among] >= promise[among].max()]
    if len(best) == 1:
        return int(best[0])
    return int(best[novelty(encoded[best], known.encoded).argmax()])


SELECTIONS: Mapping[str, Callable[[Callable[[], Surrogate], Acquisition], Selection]] = {
    "severity": lambda make_surrogate, acquisition: HighestSeverity(),
    "pareto": FromParetoFront,
}
