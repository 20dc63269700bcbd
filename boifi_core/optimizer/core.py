"""The optimizer: proposes points, is told how severe they were, and learns."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from boifi_core.errors import InvalidInput, SpaceExhausted
from boifi_core.models import Point
from boifi_core.optimizer.acquisition import ACQUISITIONS, Balance
from boifi_core.optimizer.candidates import untried
from boifi_core.optimizer.design import DESIGNS
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.importance import Importance, importance
from boifi_core.optimizer.proposal import BestPoint, Tried, Why
from boifi_core.optimizer.search import TOP, Situation, largest_gain, least_known_in_line, most_promising, most_telling
from boifi_core.optimizer.selection import SELECTIONS
from boifi_core.optimizer.strategy import Reason, chance_to_explore, chance_to_probe, is_surprising
from boifi_core.optimizer.surrogate import NotFitted, Surrogate
from boifi_core.optimizer.surrogates import SURROGATES
from boifi_core.optimizer.table import pick
from boifi_core.optimizer.threads import one_thread
from boifi_core.optimizer.verdict import explained_share, recommended
from boifi_core.optimizer.warm_start import Entry, fitted_in, translated, worth_another_try
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows
from boifi_core.space.space import row_ids

Floats = NDArray[np.float64]

_MIN_SCORES = 2

_NEAREST = 3
"""How many tried points are named as evidence for a proposal."""

_DRAWN = 64
"""How many random points are looked through for one that is left, before all are listed."""

_TRIED_AGAIN = 3
"""With how many known faults a session begins that has learnt from an earlier one."""

_LESS_DESIGN = 0.5
"""What is then left of the initial design that remains."""

_PATIENCE = 20
"""How many trials it then digs there before it takes that for the worst there is."""

_OPINIONS = 4
"""How many of the model's views are asked what is still to be gained."""

_DESIGN, _MODEL, _GAIN, _PAST = 1, 2, 3, 4
"""Random streams of their own, beside that of the proposals."""


class _Choice(NamedTuple):
    row: Rows
    reason: Reason
    promise: float | None = None


class OptimizerCore:
    """Chooses points of a search space so that few trials find the highest severity.

    A proposal depends only on the space, the options, `random_state`, the past, what was recorded and discarded, in
    order, and which proposals are pending: recording a history again gives the same next proposal.

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
        xi: float = Balance.xi,
        beta: float = Balance.beta,
        n_estimators: int = 100,
        n_candidates: int = 600,
        past: Iterable[Entry] = (),
    ) -> None:
        """Check the options and begin with nothing recorded.

        Args:
            space_config: a search space, or what `SearchSpace.parse` reads.
            acquisition_func: `ei` or `ucb`.
            random_state: seed, >= 0.
            initial_points: how many points come from the initial design, before the model decides; >= 1.
            initial_design: `latin_hypercube` or `random`.
            surrogate: `auto`, `committee` or `forest`.
            selection: `severity`, or `pareto` to choose from the front of the three scores in the signals.
            xi: for `ei`, severity points, >= 0.
            beta: for `ucb`, standard deviations, >= 0.
            n_estimators: trees in a forest, >= 1.
            n_candidates: about how many points are weighed for each proposal, >= 1.
            past: trials of earlier sessions, oldest first, of this space or a similar one (see `past.translated`), with
                what was fixed there among their points. The model learns from them how far they still hold.

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
            # Together they have as many trees, and so cost as much, as a forest of the severity's own.
            return SURROGATES["forest"](self.space, model_seed, max(1, n_estimators // 3))

        self._surrogate = make_surrogate(self.space, model_seed, n_estimators)
        self._selection = pick(SELECTIONS, selection, "selection")(self.space, one_of_three, self._acquisition)
        self._history: list[tuple[Point, float]] = []
        self._evidence = translated(self.space, past)
        self._taken: Counter[bytes] = Counter()
        self._n_done = 0
        self._pending: dict[bytes, _Choice] = {}
        self._best: BestPoint | None = None
        self._known_faults = self._from_past()

    @property
    def history(self) -> list[tuple[Point, float]]:
        """Every recorded point with its score, in order."""
        return [(dict(point), score) for point, score in self._history]

    @property
    def best_point(self) -> BestPoint | None:
        """The point that is the worst fault by all that is known, with the mean of its readings; None before the first.

        It is the tried point of which the model expects most: neighbours and repeats speak for it or against it, so
        that one lucky reading does not make it.
        """
        if self._best is None and self._history:
            self._best = recommended(self.space, self._own, self._predicted if self.is_fitted else None)
        if self._best is None:
            return None
        best = self._best
        return BestPoint(dict(best[0]), best[1], best.mean, best.std, best.readings)

    @property
    def is_fitted(self) -> bool:
        """Whether the model can predict: from the second score on, those of earlier sessions counted."""
        return len(self._evidence) >= _MIN_SCORES

    @property
    def n_past(self) -> int:
        """How many trials of earlier sessions it has learnt from."""
        return self._evidence.n_past

    @property
    def phase(self) -> Literal["initial", "search"]:
        """Who decides the next proposal: the initial design, or the model."""
        in_design = self._n_done + len(self._pending) < self._n_initial
        return "initial" if in_design or not self._history or not self.is_fitted else "search"

    @overload
    def propose(self) -> Point: ...

    @overload
    def propose(self, n: int) -> list[Point]: ...

    def propose(self, n: int | None = None) -> Point | list[Point]:
        """The next point to try, or the next `n`, for targets that exist several times over.

        What was proposed is pending until it is recorded or discarded; what is proposed meanwhile keeps away from it.

        Raises:
            SpaceExhausted: every point of a finite space was tried or is pending; of `n` that there are fewer left.
        """
        if n is None:
            return self._propose_one()
        before = dict(self._pending)
        try:
            return [self._propose_one() for _ in range(_whole(n, "n", 1))]
        except SpaceExhausted:
            self._pending = before
            raise

    def why(self, point: Point) -> Why | None:
        """What was behind a proposal that is still pending; None for any other point.

        Raises:
            InvalidInput: the point is not of this space.
        """
        self.space.check(point)
        choice = self._pending.get(_id(self.space.rows([point])[0]))
        if choice is None:
            return None
        if not self.is_fitted:
            return Why(choice.reason)
        mean, std = self._predicted(choice.row[None, :])
        return Why(choice.reason, float(mean[0]), float(std[0]), choice.promise, self._nearest(choice.row))

    def withdraw(self) -> None:
        """Forget what is pending: it may be proposed again."""
        self._pending.clear()

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
        scored = [entry for entry in checked if entry[2] is not None]
        for row, point, score, _ in checked:
            self._n_done += 1
            self._taken[_id(row)] += 1
            self._pending.pop(_id(row), None)
            if score is not None:
                self._history.append((point, score))
        if not scored:
            return
        self._best = None
        known = self._evidence
        self._evidence = Evidence(
            np.vstack([known.rows, *(row for row, _, _, _ in scored)]),
            np.append(known.scores, [score for _, _, score, _ in scored]).astype(np.float64),
            [*known.signals, *(signals for _, _, _, signals in scored)],
            known.n_past,
        )
        if self.is_fitted:
            with one_thread():
                self._surrogate.fit(self._evidence)

    def predict(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        """The severity that the model expects at each point, and its standard deviation, each of shape (n,).

        Raises:
            NotFitted: fewer than two scores are known.
            InvalidInput: a point is not of this space.
        """
        self._check_fitted()
        for point in points:
            self.space.check(point)
        return self._predicted(self.space.rows(points))

    def importance(self) -> Importance:
        """Which dimensions matter, by what the model predicts over the whole space, and which only together.

        Raises:
            NotFitted: fewer than two scores were recorded.
        """
        self._check_fitted()
        return importance(self.space, self._predicted)

    def accuracy(self) -> float | None:
        """How well the model predicts each score of this session from all others: R², 1 at best.

        0 is no better than their mean, and less is worse. None with fewer than five scores, or where all are equal. Of
        very many trials, those count that the model still predicts from.
        """
        if not self.is_fitted or not self._history:
            return None
        with one_thread():
            expected = self._surrogate.left_out()[0][self._evidence.n_past :]
        return explained_share(self._own.scores, expected)

    def _check_fitted(self) -> None:
        if not self.is_fitted:
            raise NotFitted(f"the model needs {_MIN_SCORES} recorded scores to predict, got {len(self._evidence)}")

    def expected_gain(self, trials_left: int) -> float:
        """By how much the next `trials_left` trials may be expected to exceed the worst fault known, severity points.

        Rather too much than too little: each is taken to gain what the most promising next one does. That is its
        expected improvement and, where little is known, the small chance that the worst of all hides there; the mean
        of what the model's views say. Never more than what is left to 10, and that while there is no model.
        """
        _whole(trials_left, "trials_left", 0)
        if not self._history or not self.is_fitted:
            return TOP
        with one_thread():
            gains = [self._gain(turn, trials_left) for turn in range(_OPINIONS)]
        return float(np.mean(gains))

    def _gain(self, turn: int, trials_left: int) -> float:
        situation = self._situation(turn)
        rng = np.random.default_rng([self.random_state, self._n_done, turn, _GAIN])
        left = max(0.0, TOP - float(situation.expected().max()))
        return min(trials_left * largest_gain(situation, self._n_candidates, rng), left)

    def _from_past(self) -> Rows:
        """Fit the model to the past; gives the known faults that are tried again first."""
        if not self.is_fitted:
            return np.empty((0, len(self.space.dimensions)))
        with one_thread():
            self._surrogate.fit(self._evidence)
            rows = fitted_in(self.space, self._evidence, np.random.default_rng([self.random_state, 0, 0, _PAST]))
            most = min(_TRIED_AGAIN, self._initial_points)
            return worth_another_try(self.space, rows, lambda rows: self._surrogate.predict(rows)[0], most)

    @cached_property
    def _n_initial(self) -> int:
        """How many points are proposed before the model decides: fewer where there is a past to begin with."""
        known = len(self._known_faults)
        left = self._initial_points - known
        return known + (math.ceil(_LESS_DESIGN * left) if known else left)

    @property
    def _patience(self) -> int:
        """For how many trials the worst fault need not grow: a session that begins with it takes no step for long."""
        return _PATIENCE if len(self._known_faults) else 0

    @cached_property
    def _design(self) -> Rows:
        rng = np.random.default_rng([self.random_state, 0, 0, _DESIGN])
        n = self._n_initial - len(self._known_faults)
        return np.vstack([self._known_faults, self._make_design(self.space, rng, n)]) if n else self._known_faults

    def _checked(self, entry: Entry) -> tuple[Rows, Point, float | None, Mapping[str, float]]:
        point, score, signals = entry
        self.space.check(point)
        if score is not None and not _is_finite(score):
            raise InvalidInput("score", "must be a finite number", score)
        kept = {name: float(value) for name, value in (signals or {}).items() if _is_finite(value)}
        return self.space.rows([point])[0], dict(point), None if score is None else float(score), kept

    def _propose_one(self) -> Point:
        rng = np.random.default_rng([self.random_state, self._n_done, len(self._pending)])
        with one_thread():
            choice = (self._from_design() if self.phase == "initial" else self._from_model(rng)) or self._remaining(rng)
        self._pending[_id(choice.row)] = choice
        return self.space.points(choice.row[None, :])[0]

    @property
    def _own(self) -> Evidence:
        """What this session itself has recorded."""
        return self._evidence.take(np.arange(self._evidence.n_past, len(self._evidence)))

    def _predicted(self, rows: Rows) -> tuple[Floats, Floats]:
        with one_thread():
            return self._surrogate.predict(rows)

    def _from_design(self) -> _Choice | None:
        number = self._n_done + len(self._pending)
        row: Rows | None = self._design[number] if number < len(self._design) else None
        reason: Reason = "known" if number < len(self._known_faults) else "initial"
        return None if row is None or self._is_taken(row) else _Choice(row, reason)

    def _from_model(self, rng: np.random.Generator) -> _Choice | None:
        own = self._own
        # Counted by trials, not by readings: one that gave no score is not repeated for ever.
        once = self._taken[_id(own.rows[-1])] == 1
        again = once and not self._pending and self._is_allowed(own.rows[-1])
        if again and is_surprising(own, self._surrogate.left_out):
            return _Choice(own.rows[-1], "confirm")
        situation = self._situation(self._n_done + len(self._pending))
        n_initial = self._n_initial + self._patience
        if rng.random() < chance_to_explore(own.scores, n_initial):
            row = most_telling(situation, rng)
            return None if row is None else _Choice(row, "explore")
        if rng.random() < chance_to_probe(own.scores, n_initial):
            row = least_known_in_line(situation, rng)
            if row is not None:
                return _Choice(row, "probe")
        found = most_promising(situation, self._acquisition, self._selection, self._n_candidates, rng)
        return None if found is None else _Choice(found[0], "improve", found[1])

    def _situation(self, turn: int) -> Situation:
        pending = np.array([choice.row for choice in self._pending.values()])
        return Situation(self.space, self._surrogate.view(turn), self._own, self._unavailable, pending)

    def _remaining(self, rng: np.random.Generator) -> _Choice:
        rows = untried(self.space.sample_rows(rng, _DRAWN), self._unavailable)
        if len(rows):
            return _Choice(rows[0], "remaining")
        # Drawing may miss the last few; listing them cannot.
        taken = self._unavailable
        row = next((row for row in self.space.all_rows(len(taken) + 1) if not self._is_taken(row)), None)
        if row is None:
            raise SpaceExhausted(f"all {len(taken)} points of the search space were tried")
        return _Choice(row, "remaining")

    @property
    def _unavailable(self) -> set[bytes]:
        return self._taken.keys() | self._pending.keys()

    def _is_allowed(self, row: Rows) -> bool:
        """Whether it may be tried once more: a session may have got stricter guardrails since."""
        return bool(self.space.valid_rows(row[None, :])[0])

    def _is_taken(self, row: Rows) -> bool:
        return _id(row) in self._taken or _id(row) in self._pending

    def _nearest(self, row: Rows) -> tuple[Tried, ...]:
        own = self._own
        apart = np.abs(self.space.encode_rows(own.rows) - self.space.encode_rows(row[None, :])).sum(axis=1)
        places = np.argsort(apart, kind="stable")[:_NEAREST].tolist()
        return tuple(Tried(place, dict(self._history[place][0]), self._history[place][1]) for place in places)


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
