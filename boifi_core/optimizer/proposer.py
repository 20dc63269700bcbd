"""How the next point is chosen, from what is known and what is being tried just now."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np

from boifi_core.errors import SpaceExhausted
from boifi_core.models import Point
from boifi_core.optimizer.acquisition import Acquisition
from boifi_core.optimizer.beginning import Beginning
from boifi_core.optimizer.candidates import untried
from boifi_core.optimizer.knowledge import Knowledge
from boifi_core.optimizer.proposal import Why
from boifi_core.optimizer.search import TOP, Situation, largest_gain, least_known_in_line, most_promising, most_telling
from boifi_core.optimizer.selection import Selection
from boifi_core.optimizer.strategy import Reason, chance_to_explore, chance_to_probe, is_surprising
from boifi_core.optimizer.threads import one_thread
from boifi_core.space.rows import Rows

_DRAWN = 64
"""How many random points are looked through for one that is left, before all are listed."""

_LISTED = 1_024
"""How many of the listed rows are looked at together, at most."""

_OPINIONS = 4
"""How many of the model's views are asked what is still to be gained."""

_GAIN = 3
"""A random stream of its own, beside that of the proposals."""


class _Choice(NamedTuple):
    row: Rows
    reason: Reason
    promise: float | None = None


class Proposer:
    """Chooses one point at a time; what it proposed is pending until it is recorded, and is kept away from till then.

    Every choice has a random stream that follows from the seed, the number of trials and the number of pending points,
    so that the same history leads to the same proposal.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        beginning: Beginning,
        acquisition: Acquisition,
        selection: Selection,
        *,
        seed: int,
        n_candidates: int,
    ) -> None:
        self._known = knowledge
        self._space = knowledge.space
        self._beginning = beginning
        self._acquisition = acquisition
        self._selection = selection
        self._seed = seed
        self._n_candidates = n_candidates
        self._pending: dict[bytes, _Choice] = {}

    @property
    def is_initial(self) -> bool:
        """Whether the next point is the beginning's, not the model's."""
        return self._number < self._beginning.n or not self._known.history or not self._known.is_fitted

    def propose(self) -> Point:
        """The next point to try.

        Raises:
            SpaceExhausted: every point of a finite space was tried or is pending.
        """
        rng = np.random.default_rng([self._seed, self._known.n_done, len(self._pending)])
        with one_thread():
            choice = (self._from_beginning() if self.is_initial else self._from_model(rng)) or self._remaining(rng)
        self._pending[self._id(choice.row)] = choice
        return self._space.points(choice.row[None, :])[0]

    def propose_many(self, n: int) -> list[Point]:
        """The next `n` points, or none of them.

        Raises:
            SpaceExhausted: there are fewer left.
        """
        before = dict(self._pending)
        try:
            return [self.propose() for _ in range(n)]
        except SpaceExhausted:
            self._pending = before
            raise

    def settle(self, rows: Iterable[Rows]) -> None:
        """Hold these for pending no longer: they were tried."""
        for row in rows:
            self._pending.pop(self._id(row), None)

    def withdraw(self) -> None:
        """Forget what is pending."""
        self._pending.clear()

    def why(self, row: Rows) -> Why | None:
        """What was behind a proposal that is still pending; None for any other row."""
        choice = self._pending.get(self._id(row))
        if choice is None:
            return None
        if not self._known.is_fitted:
            return Why(choice.reason)
        mean, std = self._known.predicted(choice.row[None, :])
        nearest = self._known.nearest(choice.row)
        return Why(choice.reason, float(mean[0]), float(std[0]), choice.promise, nearest)

    def expected_gain(self, trials_left: int) -> float:
        """See `OptimizerCore.expected_gain`."""
        if not self._known.history or not self._known.is_fitted:
            return TOP
        with one_thread():
            gains = [self._gain(turn, trials_left) for turn in range(_OPINIONS)]
        return float(np.mean(gains))

    def _gain(self, turn: int, trials_left: int) -> float:
        situation = self._situation(turn)
        rng = np.random.default_rng([self._seed, self._known.n_done, turn, _GAIN])
        left = max(0.0, TOP - float(situation.expected().max()))
        return min(trials_left * largest_gain(situation, self._n_candidates, rng), left)

    def _from_beginning(self) -> _Choice | None:
        planned = self._beginning.row(self._number)
        if planned is None:
            return None
        identity = self._id(planned[0])
        # One by one: thousands may be pending.
        return None if identity in self._known.tried or identity in self._pending else _Choice(*planned)

    def _from_model(self, rng: np.random.Generator) -> _Choice | None:
        own = self._known.own
        if self._is_to_confirm(own.rows[-1]) and is_surprising(own, self._known.surrogate.left_out):
            return _Choice(own.rows[-1], "confirm")
        situation = self._situation(self._number)
        n_initial = self._beginning.n + self._beginning.patience
        if rng.random() < chance_to_explore(own.scores, n_initial):
            row = most_telling(situation, rng)
            return None if row is None else _Choice(row, "explore")
        if rng.random() < chance_to_probe(own.scores, n_initial):
            row = least_known_in_line(situation, rng)
            if row is not None:
                return _Choice(row, "probe")
        found = most_promising(situation, self._acquisition, self._selection, self._n_candidates, rng)
        return None if found is None else _Choice(found[0], "improve", found[1])

    def _is_to_confirm(self, row: Rows) -> bool:
        """Whether the latest trial's row may be tried once more."""
        # Counted by trials, not by readings: one that gave no score is not repeated for ever. And a session may have
        # got stricter guardrails since.
        is_once = self._known.tried[self._id(row)] == 1
        return is_once and not self._pending and bool(self._space.valid_rows(row[None, :])[0])

    def _remaining(self, rng: np.random.Generator) -> _Choice:
        taken = self._unavailable
        rows = untried(self._space, self._space.sample_rows(rng, _DRAWN), taken)
        if len(rows):
            return _Choice(rows[0], "remaining")
        # Drawing may miss the last few; listing them cannot.
        left, n = self._space.all_rows(len(taken) + 1), 1
        while some := [*islice(left, n)]:
            rows = untried(self._space, np.array(some), taken)
            if len(rows):
                return _Choice(rows[0], "remaining")
            n = min(2 * n, _LISTED)
        raise SpaceExhausted(f"all {len(taken)} points of the search space were tried")

    def _id(self, row: Rows) -> bytes:
        return self._space.ids(row[None, :])[0]

    def _situation(self, turn: int) -> Situation:
        pending = np.array([choice.row for choice in self._pending.values()])
        return Situation(self._space, self._known.surrogate.view(turn), self._known.own, self._unavailable, pending)

    @property
    def _number(self) -> int:
        """The next proposal's place among all, from 0."""
        return self._known.n_done + len(self._pending)

    @property
    def _unavailable(self) -> set[bytes]:
        return self._known.tried.keys() | self._pending.keys()
