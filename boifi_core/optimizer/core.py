"""The optimizer: proposes points, is told how severe they were, and learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from boifi_core.models import Point
from boifi_core.optimizer.acquisition import ACQUISITIONS, Balance
from boifi_core.optimizer.beginning import Beginning
from boifi_core.optimizer.checks import not_negative, whole
from boifi_core.optimizer.design import DESIGNS
from boifi_core.optimizer.importance import Importance, importance
from boifi_core.optimizer.knowledge import Knowledge
from boifi_core.optimizer.proposal import BestPoint, Why
from boifi_core.optimizer.proposer import Proposer
from boifi_core.optimizer.selection import SELECTIONS
from boifi_core.optimizer.surrogate import Surrogate
from boifi_core.optimizer.surrogates import SURROGATES
from boifi_core.optimizer.table import pick
from boifi_core.optimizer.warm_start import Entry
from boifi_core.space import SearchSpace

Floats = NDArray[np.float64]

_MODEL = 2
"""A random stream of its own, beside that of the proposals."""


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
            past: trials of earlier sessions, oldest first, of this space or a similar one, with what was fixed there
                among their points (see `warm_start.translated`). The model learns from them how far they still hold.

        Raises:
            InvalidInput: the space or an option cannot work.
        """
        self.space = SearchSpace.parse(space_config, field="space_config")
        seed = _drawn_seed() if random_state is None else random_state
        self.random_state = whole(seed, "random_state", 0)
        whole(initial_points, "initial_points", 1)
        whole(n_candidates, "n_candidates", 1)
        whole(n_estimators, "n_estimators", 1)
        balance = Balance(not_negative(xi, "xi"), not_negative(beta, "beta"))
        acquisition = pick(ACQUISITIONS, acquisition_func, "acquisition_func")(balance)
        make_design = pick(DESIGNS, initial_design, "initial_design")
        make_surrogate = pick(SURROGATES, surrogate, "surrogate")
        model_seed = int(np.random.SeedSequence([self.random_state, _MODEL]).generate_state(1)[0])

        def one_of_three() -> Surrogate:
            # Together they have as many trees, and so cost as much, as a forest of the severity's own.
            return SURROGATES["forest"](self.space, model_seed, max(1, n_estimators // 3))

        chosen_by = pick(SELECTIONS, selection, "selection")(self.space, one_of_three, acquisition)
        self._known = Knowledge(self.space, make_surrogate(self.space, model_seed, n_estimators), past)
        beginning = Beginning(self._known, make_design, int(initial_points), self.random_state)
        self._proposer = Proposer(
            self._known, beginning, acquisition, chosen_by, seed=self.random_state, n_candidates=int(n_candidates)
        )

    @property
    def history(self) -> list[tuple[Point, float]]:
        """Every recorded point with its score, in order."""
        return [(dict(point), score) for point, score in self._known.history]

    @property
    def best_point(self) -> BestPoint | None:
        """The point that is the worst fault by all that is known, with the mean of its readings; None before the first.

        It is the tried point of which the model expects most: neighbours and repeats speak for it or against it, so
        that one lucky reading does not make it.
        """
        best = self._known.best()
        return None if best is None else BestPoint(dict(best[0]), best[1], best.mean, best.std, best.readings)

    @property
    def is_fitted(self) -> bool:
        """Whether the model can predict: from the second score on, those of earlier sessions counted."""
        return self._known.is_fitted

    @property
    def n_past(self) -> int:
        """How many trials of earlier sessions it has learnt from."""
        return self._known.evidence.n_past

    @property
    def phase(self) -> Literal["initial", "search"]:
        """Who decides the next proposal: the initial design, or the model."""
        return "initial" if self._proposer.is_initial else "search"

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
        return self._proposer.propose() if n is None else self._proposer.propose_many(whole(n, "n", 1))

    def why(self, point: Point) -> Why | None:
        """What was behind a proposal that is still pending; None for any other point.

        Raises:
            InvalidInput: the point is not of this space.
        """
        self.space.check(point)
        return self._proposer.why(self.space.rows([point])[0])

    def withdraw(self) -> None:
        """Forget what is pending: it may be proposed again."""
        self._proposer.withdraw()

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
        self._proposer.settle(self._known.load(entries))

    def predict(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        """The severity that the model expects at each point, and its standard deviation, each of shape (n,).

        Raises:
            NotFitted: fewer than two scores are known.
            InvalidInput: a point is not of this space.
        """
        self._known.check_fitted()
        for point in points:
            self.space.check(point)
        return self._known.predicted(self.space.rows(points))

    def importance(self) -> Importance:
        """Which dimensions matter, by what the model predicts over the whole space, and which only together.

        Raises:
            NotFitted: fewer than two scores were recorded.
        """
        self._known.check_fitted()
        return importance(self.space, self._known.predicted)

    def accuracy(self) -> float | None:
        """How well the model predicts each score of this session from all others: R², 1 at best.

        0 is no better than their mean, and less is worse. None with fewer than five scores, or where all are equal. Of
        very many trials, those count that the model still predicts from.
        """
        return self._known.accuracy()

    def expected_gain(self, trials_left: int) -> float:
        """By how much the next `trials_left` trials may be expected to exceed the worst fault known, severity points.

        Rather too much than too little: each is taken to gain what the most promising next one does. That is its
        expected improvement and, where little is known, the small chance that the worst of all hides there; the mean
        of what the model's views say. Never more than what is left to 10, and that while there is no model.
        """
        return self._proposer.expected_gain(whole(trials_left, "trials_left", 0))


def _drawn_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
