"""With which rows a session begins, before the model decides: known faults of earlier sessions, then the design."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from boifi_core.optimizer.design import Design
from boifi_core.optimizer.knowledge import Knowledge
from boifi_core.optimizer.strategy import Reason
from boifi_core.optimizer.threads import one_thread
from boifi_core.optimizer.warm_start import fitted_in, worth_another_try
from boifi_core.space.rows import Rows

_TRIED_AGAIN = 3
"""With how many known faults a session begins that has learnt from an earlier one."""

_LESS_DESIGN = 0.5
"""What is then left of the initial design that remains."""

_PATIENCE = 20
"""How many trials it then digs there before it takes that for the worst there is."""

_DESIGN, _PAST = 1, 4
"""Random streams of their own, beside that of the proposals."""


class Beginning:
    """The initial rows of a session; which they are follows from the space, the seed and the past.

    Attributes:
        n: how many there are: fewer than were asked for where there is a past to begin with.
        patience: for how many trials after them the worst fault need not grow, as it hardly can in a session that
            begins with it.
    """

    def __init__(self, knowledge: Knowledge, make_design: Design, n_asked: int, seed: int) -> None:
        self._space = knowledge.space
        self._make_design = make_design
        self._seed = seed
        self._known = _known_faults(knowledge, min(_TRIED_AGAIN, n_asked), np.random.default_rng([seed, 0, 0, _PAST]))
        left = n_asked - len(self._known)
        self.n = len(self._known) + (math.ceil(_LESS_DESIGN * left) if len(self._known) else left)
        self.patience = _PATIENCE if len(self._known) else 0

    def row(self, number: int) -> tuple[Rows, Reason] | None:
        """The row at a place, from 0, and why it is tried; None after the last."""
        if number >= len(self._rows):
            return None
        return self._rows[number], "known" if number < len(self._known) else "initial"

    @cached_property
    def _rows(self) -> Rows:
        rng = np.random.default_rng([self._seed, 0, 0, _DESIGN])
        n = self.n - len(self._known)
        return np.vstack([self._known, self._make_design(self._space, rng, n)]) if n else self._known


def _known_faults(knowledge: Knowledge, most: int, rng: np.random.Generator) -> Rows:
    """What was severe in earlier sessions, by what the model makes of them all."""
    if not knowledge.is_fitted:
        return np.empty((0, len(knowledge.space.dimensions)))
    with one_thread():
        rows = fitted_in(knowledge.space, knowledge.evidence, rng)
        return worth_another_try(knowledge.space, rows, lambda rows: knowledge.surrogate.predict(rows)[0], most)
