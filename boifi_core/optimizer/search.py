"""Where to try next, given a model of the target: where it tells most, where an edge may be, where it promises most."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from boifi_core.optimizer.acquisition import Acquisition, ExpectedImprovement
from boifi_core.optimizer.candidates import in_line, search_candidates, untried
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.novelty import novelty
from boifi_core.optimizer.percentage import lean, strength
from boifi_core.optimizer.selection import Selection
from boifi_core.optimizer.surrogate import View
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]

TOP = 10.0
"""The highest severity there is."""

_RARE = 0.05
"""How likely a place of which nothing is known is to hold the worst, if faults there are of full strength: narrow
windows give no hint beforehand."""

_AMONG_THE_WORST, _NEARLY = 9, 0.7
"""From at most how many faults an edge is sought, and how far below the worst of all they may be, severity points."""

_WELL_KNOWN = 0.15
"""A point is well known where this part of what nobody knew at first is left, as a standard deviation."""

_EXPLORED, _ELSEWHERE = 64, 128
"""From how many random points the most telling is taken, and about how many others it is to tell something."""

_WORTH_FINDING = 0.2
"""What part of the way from the worst known to 10 a fault must go beyond it to be worth exploring for."""

_LEAST_STD = 1e-9


@dataclass(frozen=True)
class Situation:
    """What a proposal is made from.

    Attributes:
        space: what is searched.
        view: what is expected where.
        own: what this session has recorded, at least one trial.
        unavailable: identities of the rows that must not be proposed.
        pending: rows that are being tried, shape (n, dimensions).
    """

    space: SearchSpace
    view: View
    own: Evidence
    unavailable: Set[bytes]
    pending: Rows

    def expected(self) -> Floats:
        """What is expected of each recorded trial's point, shape (n,)."""
        return self.view.predict(self.own.rows)[0]

    def apart(self, rows: Rows) -> Floats | float:
        """How far rows are from all that is pending, 0 to 1: a proposal should not repeat what is being tried."""
        if not len(self.pending):
            return 1.0
        return novelty(self.space.encode_rows(rows), self.space.encode_rows(self.pending))


def most_telling(situation: Situation, rng: np.random.Generator) -> Rows | None:
    """The row of which a trial tells most about the places where a worse fault may yet be; None if none is left."""
    space, view = situation.space, situation.view
    rows = untried(space, lean(space, space.sample_rows(rng, _EXPLORED)), situation.unavailable)
    if not len(rows):
        return None
    elsewhere = lean(space, space.sample_rows(rng, _ELSEWHERE))
    best = float(situation.expected().max())
    mean, std = view.predict(elsewhere)
    worth = best + _WORTH_FINDING * max(0.0, TOP - best)
    hope = ndtr((mean - worth) / np.maximum(std, _LEAST_STD))
    return np.ravel(rows[(view.telling(rows, elsewhere, hope) * situation.apart(rows)).argmax()])


def least_known_in_line(situation: Situation, rng: np.random.Generator) -> Rows | None:
    """Of the rows that differ from one of the worst faults in one number only, the one of which least is known.

    Tried one after another, such rows halve what is unknown between faults that hurt and faults that don't.

    Returns:
        None where all of them are well known, or none is left.
    """
    expected = situation.expected()
    order = np.argsort(-expected, kind="stable")[:_AMONG_THE_WORST]
    worst = order[expected[order] >= expected[order[0]] - _NEARLY]
    space = situation.space
    rows = untried(space, in_line(space, situation.own.rows[rng.choice(worst)]), situation.unavailable)
    if not len(rows):
        return None
    _, std = situation.view.predict(rows)
    known_least = (std * situation.apart(rows)).argmax()
    return np.ravel(rows[known_least]) if std[known_least] > _WELL_KNOWN * situation.view.prior_std else None


def most_promising(
    situation: Situation, acquisition: Acquisition, selection: Selection, n: int, rng: np.random.Generator
) -> tuple[Rows, float] | None:
    """Of about `n` candidates the row that is chosen, and its promise; None if none is left."""
    rows, promises = _candidates(situation, acquisition, n, rng)
    if not len(rows):
        return None
    chosen = selection.choose(rows, promises, situation.own)
    return np.ravel(rows[chosen]), float(promises[chosen])


def largest_gain(situation: Situation, n: int, rng: np.random.Generator) -> float:
    """What the most promising of about `n` candidates may be expected to gain, severity points."""
    _, promises = _candidates(situation, ExpectedImprovement(xi=0.0), n, rng)
    return float(promises.max(initial=0.0))


def _candidates(
    situation: Situation, acquisition: Acquisition, n: int, rng: np.random.Generator
) -> tuple[Rows, Floats]:
    expected = situation.expected()
    worst = situation.own.rows[np.argsort(-expected, kind="stable")]
    promise = _promise(situation, acquisition, float(expected.max()))
    return search_candidates(situation.space, rng, promise, worst, situation.unavailable, n)


def _promise(situation: Situation, acquisition: Acquisition, best: float) -> Callable[[Rows], Floats]:
    """The acquisition's promise, and the small chance that the worst is where nothing is known."""
    view = situation.view

    def promise(rows: Rows) -> Floats:
        mean, std = view.predict(rows)
        rare = _RARE * np.minimum(1.0, (std / view.prior_std) ** 2) * max(0.0, TOP - best)
        rare *= strength(situation.space, rows)
        return (acquisition(mean, std, best) + rare) * situation.apart(rows)

    return promise
