"""What is known of a target: the trials so far, and the model that learns from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boifi_core.errors import InvalidInput
from boifi_core.models import Point
from boifi_core.optimizer.checks import is_finite
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.proposal import BestPoint, Tried
from boifi_core.optimizer.recommendation import explained_share, recommended
from boifi_core.optimizer.surrogate import NotFitted, Surrogate
from boifi_core.optimizer.threads import one_thread
from boifi_core.optimizer.warm_start import Entry, translated
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]

_MIN_SCORES = 2

_NEAREST = 3
"""How many tried points are named as evidence for a proposal."""


class _Recorded(NamedTuple):
    row: Rows
    point: Point
    score: float | None
    signals: Mapping[str, float]


class Knowledge:
    """Takes in what trials were and how severe; says what to expect elsewhere. What comes next is not its business.

    Attributes:
        space: what is searched.
        surrogate: the model, fitted to all evidence as soon as there is enough of it.
        evidence: every score, those of earlier sessions first.
        history: every recorded point of this session with its score, in order.
        n_done: how many trials there were, those without a score counted.
    """

    def __init__(self, space: SearchSpace, surrogate: Surrogate, past: Iterable[Entry]) -> None:
        self.space = space
        self.surrogate = surrogate
        self.evidence = translated(space, past)
        self.history: list[tuple[Point, float]] = []
        self.n_done = 0
        self._times: Counter[bytes] = Counter()
        self._best: BestPoint | None = None
        self._fit()

    @property
    def is_fitted(self) -> bool:
        """Whether the model can predict."""
        return len(self.evidence) >= _MIN_SCORES

    @property
    def own(self) -> Evidence:
        """What this session itself has recorded."""
        return self.evidence.take(np.arange(self.evidence.n_past, len(self.evidence)))

    @property
    def tried(self) -> Mapping[bytes, int]:
        """How many trials each row had, by its identity in the space; those that gave no score count too."""
        return self._times

    def load(self, entries: Iterable[Entry]) -> list[Rows]:
        """Take in many trials in order, and fit the model once.

        Returns:
            Their rows.

        Raises:
            InvalidInput: a point is not of this space, or a score is not finite; then nothing of `entries` was taken.
        """
        checked = [self._checked(entry) for entry in entries]
        for each in checked:
            self.n_done += 1
            self._times[self.space.ids(each.row[None, :])[0]] += 1
            if each.score is not None:
                self.history.append((each.point, each.score))
        self._learn([each for each in checked if each.score is not None])
        return [each.row for each in checked]

    def predicted(self, rows: Rows) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the severity, each of shape (n,); the model must be fitted."""
        with one_thread():
            return self.surrogate.predict(rows)

    def check_fitted(self) -> None:
        """Nothing.

        Raises:
            NotFitted: the model cannot predict yet.
        """
        if not self.is_fitted:
            raise NotFitted(f"the model needs {_MIN_SCORES} recorded scores to predict, got {len(self.evidence)}")

    def best(self) -> BestPoint | None:
        """The tried point of which most is expected; None before the first score."""
        if self._best is None and self.history:
            points = [point for point, _ in self.history]
            self._best = recommended(self.space, self.own, points, self.predicted if self.is_fitted else None)
        return self._best

    def accuracy(self) -> float | None:
        """How well the model predicts each score of this session from all others: R²; None where that says nothing."""
        if not self.is_fitted or not self.history:
            return None
        with one_thread():
            expected = self.surrogate.left_out()[0][self.evidence.n_past :]
        return explained_share(self.own.scores, expected)

    def nearest(self, row: Rows) -> tuple[Tried, ...]:
        """The most similar points that were tried, most similar first."""
        own = self.own
        apart = np.abs(self.space.encode_rows(own.rows) - self.space.encode_rows(row[None, :])).sum(axis=1)
        places = np.argsort(apart, kind="stable")[:_NEAREST].tolist()
        return tuple(Tried(place, dict(self.history[place][0]), self.history[place][1]) for place in places)

    def _checked(self, entry: Entry) -> _Recorded:
        point, score, signals = entry
        self.space.check(point)
        if score is not None and not is_finite(score):
            raise InvalidInput("score", "must be a finite number", score)
        kept = {name: float(value) for name, value in (signals or {}).items() if is_finite(value)}
        (row,) = self.space.canonical_rows(self.space.rows([point]))
        return _Recorded(row, dict(point), None if score is None else float(score), kept)

    def _learn(self, scored: list[_Recorded]) -> None:
        if not scored:
            return
        self._best = None
        known = self.evidence
        self.evidence = Evidence(
            np.vstack([known.rows, *(each.row for each in scored)]),
            np.append(known.scores, [each.score for each in scored]).astype(np.float64),
            [*known.signals, *(each.signals for each in scored)],
            known.n_past,
        )
        self._fit()

    def _fit(self) -> None:
        if self.is_fitted:
            with one_thread():
                self.surrogate.fit(self.evidence)
