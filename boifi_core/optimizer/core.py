"""The optimizer: proposes points, is told how severe they were, and learns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boifi_core.errors import InvalidInput, SpaceExhausted
from boifi_core.models import Point
from boifi_core.optimizer.acquisition import ACQUISITIONS, Balance
from boifi_core.optimizer.candidates import search_candidates
from boifi_core.optimizer.design import DESIGNS
from boifi_core.optimizer.novelty import novelty, widened
from boifi_core.optimizer.selection import SELECTIONS, Known
from boifi_core.optimizer.surrogate import SURROGATES, NotFitted, Surrogate
from boifi_core.optimizer.table import pick
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows
from boifi_core.space.space import row_ids

Floats = NDArray[np.float64]

Entry = tuple[Point, float | None, Mapping[str, float] | None]
"""A point, its score (None: discarded), its signals."""

_MIN_SCORES = 2
_EXPLORE = 0.1
"""How often a proposal leaves the model aside: a model that is wrong everywhere would never find out."""

_LEAST_SPREADS = (0.5, 2.0)
"""Severity points by which what is new may differ at least; one is drawn for each proposal.

With the smaller one the search digs where it has found something, with the larger one it leaves what it knows. Either
alone does worse: digging follows noise while all scores are low, leaving misses narrow windows.
"""

_DESIGN, _MODEL = 1, 2
"""Random streams of their own, beside that of the proposals."""


class OptimizerCore:
    """Chooses points of a search space so that few trials find the highest severity.

    A proposal depends only on the space, the options, `random_state`, what was recorded and discarded, in order, and
    how many proposals were made since: recording a history again gives the same next proposal.

    Attributes:
        space: what is searched.
        random_state: the seed; drawn once if none was given.
    """

    def __init__(
        self,
        space_config: Mapping[str, Any] | Sequence[Any] | SearchSpace,
        acquisition_func: str = "ei",
        *,
        random_state: int | None = None,
        initial_points: int = 10,
        initial_design: str = "latin_hypercube",
        surrogate: str = "auto",
        selection: str = "severity",
        xi: float = 0.01,
        beta: float = 1.96,
        n_estimators: int = 100,
        n_candidates: int = 1000,
    ) -> None:
        """Check the options and begin with nothing recorded.

        Args:
            space_config: a search space, or what `SearchSpace.parse` reads.
            acquisition_func: `ei` or `ucb`.
            random_state: seed, >= 0.
            initial_points: how many points come from the initial design, before the model decides; >= 1.
            initial_design: `latin_hypercube` or `random`.
            surrogate: `auto` or `forest`.
            selection: `severity`, or `pareto` to choose from the front of the three scores in the signals.
            xi: for `ei`, severity points, >= 0.
            beta: for `ucb`, standard deviations, >= 0.
            n_estimators: trees in a forest, >= 1.
            n_candidates: about how many points are weighed for each proposal, >= 1.

        Raises:
            InvalidInput: the space or an option cannot work.
        """
        self.space = SearchSpace.parse(space_config, field="space_config")
        seed = _drawn_seed() if random_state is None else random_state
        self.random_state = _whole(seed, "random_state", 0)
        self._initial_points = _whole(initial_points, "initial_points", 1)
        self._n_candidates = _whole(n_candidates, "n_candidates", 1)
        _whole(n_estimators, "n_estimators", 1)
        balance = Balance(_not_negative(xi, "xi"), _not_negative(beta, "beta"))
        self._acquisition = pick(ACQUISITIONS, acquisition_func, "acquisition_func")(balance)
        self._make_design = pick(DESIGNS, initial_design, "initial_design")
        make_surrogate = pick(SURROGATES, surrogate, "surrogate")
        model_seed = int(np.random.SeedSequence([self.random_state, _MODEL]).generate_state(1)[0])

        def one_of_three() -> Surrogate:
            # Together they have as many trees, and so cost as much, as the severity's own.
            return make_surrogate(model_seed, max(1, n_estimators // 3))

        self._surrogate = make_surrogate(model_seed, n_estimators)
        self._selection = pick(SELECTIONS, selection, "selection")(one_of_three, self._acquisition)
        self._history: list[tuple[Point, float]] = []
        self._rows = np.empty((0, len(self.space.dimensions)))
        self._signals: list[Mapping[str, float]] = []
        self._taken: set[bytes] = set()
        self._n_done = 0
        self._pending: list[bytes] = []

    @property
    def history(self) -> list[tuple[Point, float]]:
        """Every recorded point with its score, in order."""
        return [(dict(point), score) for point, score in self._history]

    @property
    def best_point(self) -> tuple[Point, float] | None:
        """The recorded point with the highest score, the first of equal ones; None before the first."""
        if not self._history:
            return None
        point, score = max(self._history, key=lambda entry: entry[1])
        return dict(point), score

    @property
    def is_fitted(self) -> bool:
        """Whether the model can predict: from the second score on."""
        return len(self._history) >= _MIN_SCORES

    @property
    def phase(self) -> Literal["initial", "search"]:
        """Who decides the next proposal: the initial design, or the model."""
        in_design = self._n_done + len(self._pending) < self._initial_points
        return "initial" if in_design or not self.is_fitted else "search"

    def propose(self) -> Point:
        """The next point to try.

        Repeated without a record in between it gives other points; these are held back until the next record.

        Raises:
            SpaceExhausted: every point of a finite space was tried.
        """
        rng = np.random.default_rng([self.random_state, self._n_done, len(self._pending)])
        row = self._from_design() if self.phase == "initial" else self._from_model(rng)
        if row is None:
            row = self._any_untried(rng)
        self._pending.append(_id(row))
        return self.space.points(row[None, :])[0]

    def record(self, point: Point, score: float, signals: Mapping[str, float] | None = None) -> None:
        """Learn how severe a point was; it need not be one that was proposed.

        Args:
            point: a point of the space.
            score: severity, finite, higher is worse for the target.
            signals: further numbers by name, such as the three scores; those that are not finite are left out.

        Raises:
            InvalidInput: the point is not of this space, or the score is not finite.
        """
        self.load([(point, score, signals)])

    def discard(self, point: Point) -> None:
        """Note that a point was tried but gave no score: it counts as tried, and the model learns nothing.

        Raises:
            InvalidInput: the point is not of this space.
        """
        self.load([(point, None, None)])

    def load(self, entries: Iterable[Entry]) -> None:
        """Record (or, where the score is None, discard) many in order; the model is fitted once.

        The next proposal is the same as after recording them one by one.

        Raises:
            InvalidInput: as for `record`; then nothing of `entries` was taken.
        """
        checked = [self._checked(entry) for entry in entries]
        n_scores = len(self._history)
        for row, point, score, signals in checked:
            self._n_done += 1
            self._taken.add(_id(row))
            if score is not None:
                self._history.append((point, score))
                self._rows = np.vstack([self._rows, row])
                self._signals.append(signals)
        self._pending.clear()
        if self.is_fitted and len(self._history) > n_scores:
            self._surrogate.fit(self._encoded, self._scores)

    def predict(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        """The severity that the model expects at each point, and its standard deviation, each of shape (n,).

        Raises:
            NotFitted: fewer than two scores were recorded.
            InvalidInput: a point is not of this space.
        """
        if not self.is_fitted:
            raise NotFitted(f"the model needs {_MIN_SCORES} recorded scores to predict, got {len(self._history)}")
        for point in points:
            self.space.check(point)
        return self._surrogate.predict(self.space.encode(points))

    @cached_property
    def _design(self) -> Rows:
        rng = np.random.default_rng([self.random_state, 0, 0, _DESIGN])
        return self._make_design(self.space, rng, self._initial_points)

    @property
    def _encoded(self) -> Floats:
        return self.space.encode_rows(self._rows)

    @property
    def _scores(self) -> Floats:
        return np.array([score for _, score in self._history])

    def _checked(self, entry: Entry) -> tuple[Rows, Point, float | None, Mapping[str, float]]:
        point, score, signals = entry
        self.space.check(point)
        if score is not None and not _is_finite(score):
            raise InvalidInput("score", "must be a finite number", score)
        kept = {name: float(value) for name, value in (signals or {}).items() if _is_finite(value)}
        return self.space.rows([point])[0], dict(point), None if score is None else float(score), kept

    def _is_taken(self, row: Rows) -> bool:
        return _id(row) in self._taken or _id(row) in self._pending

    def _from_design(self) -> Rows | None:
        number = self._n_done + len(self._pending)
        row: Rows | None = self._design[number] if number < len(self._design) else None
        return None if row is None or self._is_taken(row) else row

    def _from_model(self, rng: np.random.Generator) -> Rows | None:
        if rng.random() < _EXPLORE:
            return None
        scores = self._scores
        best, tried = float(scores.max()), self._encoded
        spread = max(float(scores.std()), float(rng.choice(_LEAST_SPREADS)))

        def promise(encoded: Floats) -> Floats:
            mean, std = self._surrogate.predict(encoded)
            return self._acquisition(mean, widened(std, novelty(encoded, tried), spread), best)

        taken = self._taken.union(self._pending)
        rows, encoded, promises = search_candidates(
            self.space, rng, promise, (self._rows, scores), taken, self._n_candidates
        )
        if not len(rows):
            return None
        return np.ravel(rows[self._selection.choose(encoded, promises, Known(tried, self._signals))])

    def _any_untried(self, rng: np.random.Generator) -> Rows:
        drawn = self.space.sample_rows(rng, 64)
        row = next((row for row in drawn if not self._is_taken(row)), None)
        if row is None:
            # Drawing may miss the last few; listing them cannot.
            taken = len(self._taken) + len(self._pending)
            row = next((row for row in self.space.all_rows(taken + 1) if not self._is_taken(row)), None)
        if row is None:
            raise SpaceExhausted(f"all {len(self._taken) + len(self._pending)} points of the search space were tried")
        return row


def _id(row: Rows) -> bytes:
    return row_ids(row[None, :])[0]


def _drawn_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any, field: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidInput(field, f"must be a whole number of at least {least}", value)
    return int(value)


def _not_negative(value: Any, field: str) -> float:
    if not _is_finite(value) or value < 0:
        raise InvalidInput(field, "must be a finite number of at least 0", value)
    return float(value)
