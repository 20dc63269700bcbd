"""Several Gaussian processes that disagree where the data leave room for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.distances import Distances
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.gaussian import (
    ROUGH,
    SMOOTH,
    GaussianProcess,
    Hyper,
    Kernel,
    Known,
    Prior,
    fit_hyper,
    prior_hyper,
)
from boifi_core.optimizer.signals import shaped
from boifi_core.optimizer.surrogate import NotFitted, View
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]

_MEMBERS = 6
_JITTER = 1.0
_RELEVANCE = 2.0
"""How unlike two points that differ in everything are thought to be at first, over the root of the dimensions."""

_PAST_APART = 0.4
"""How unlike trials of an earlier session are thought to be at first, for what the session alone makes."""

_LEARN_FROM = 150
"""Relevances are learnt from at most so many trials: the time it takes grows with the third power of their number."""

_KNOW = 300
"""What a member predicts from: at most so many trials, so that thousands of trials take no longer than these."""


@dataclass(frozen=True)
class _Beliefs:
    """What one member thinks of the space, and from how many trials it learnt that."""

    kernel: Kernel
    prior: Prior
    hyper: Hyper
    learnt_from: int = 0


class Committee:
    """Members with either kernel, each with beliefs of its own about which dimensions matter.

    One model that has settled too early on what matters never finds out otherwise. So each member starts from its own
    random beliefs, which data overrule where they speak (randomised maximum a posteriori: Bardsley et al. 2014, SIAM J.
    Sci. Comput. 36, A1895-A1910), and members take turns in choosing. After a trial, one of them learns anew what
    matters; all know its result.

    What it predicts is the mixture of all, each weighted by how well it predicts every score from the others
    (leave-one-out: Rasmussen & Williams 2006, section 5.4.2).

    With trials of earlier sessions, which session a trial is from is one dimension more, so that data say how far the
    past still holds; this session's own trials alone decide the weights.
    """

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._distances = Distances(space.layout)
        n = self._distances.n_dimensions
        rng = np.random.default_rng(seed)
        centre = np.log(_RELEVANCE / np.sqrt(n))
        centres = [centre + _JITTER * rng.standard_normal(n) for _ in range(_MEMBERS)]
        past = np.log(_PAST_APART) + _JITTER * rng.standard_normal(_MEMBERS)
        self._centres = [np.append(*both) for both in zip(centres, past, strict=True)]
        self._has_past = False
        self._members = self._unlearnt()
        self._evidence: Evidence | None = None
        self._known: _Learnt | None = None
        self._chosen, self._n = np.empty(0, np.intp), 0

    def fit(self, evidence: Evidence) -> None:
        """See `Surrogate`; a member learns with every `_MEMBERS`-th trial, in turn."""
        if self._evidence is None or not evidence.begins_with(self._evidence):
            self._has_past = bool(evidence.n_past)
            self._members = self._unlearnt()
        self._evidence = evidence
        n = len(evidence)
        for number, member in enumerate(self._members):
            at = n - (n - number) % _MEMBERS
            if at >= 2 and member.learnt_from != at:
                hyper = self._learnt(member, evidence.first(at))
                self._members[number] = _Beliefs(member.kernel, member.prior, hyper, at)
        self._chosen, self._n = _chosen(evidence, _KNOW), n
        chosen = evidence.take(self._chosen)
        self._known = _Learnt(self._distances, tuple(self._members), chosen, self._coordinates(chosen))

    def predict(self, rows: Rows) -> tuple[Floats, Floats]:
        """See `Surrogate`."""
        known = self._fitted()
        points = self._now(rows)
        return _mixture(known.weights, [process.predict(points) for process in known.processes])

    def left_out(self) -> tuple[Floats, Floats]:
        """See `Surrogate`."""
        known = self._fitted()
        told = np.full((2, self._n), np.nan)
        told[:, self._chosen] = _mixture(known.weights, [process.left_out for process in known.processes])
        return told[0], told[1]

    def view(self, turn: int) -> View:
        """See `Surrogate`: what one member expects, which looks beneath the scores."""
        process = self._fitted().looking_beneath(turn % _MEMBERS)

        def predict(rows: Rows) -> tuple[Floats, Floats]:
            return process.predict(self._now(rows))

        def tells(rows: Rows, others: Rows, counts: Floats) -> Floats:
            return process.tells(self._now(rows), self._now(others), counts)

        return View(predict, process.prior_std, tells)

    def _learnt(self, member: _Beliefs, evidence: Evidence) -> Hyper:
        chosen = evidence.take(_chosen(evidence, _LEARN_FROM))
        pairs = self._distances.pairs(self._coordinates(chosen))
        return fit_hyper(member.kernel, member.prior, pairs, shaped(chosen))

    def _unlearnt(self) -> list[_Beliefs]:
        priors = [Prior(centre if self._has_past else centre[:-1]) for centre in self._centres]
        kernels = [ROUGH if number % 2 == 0 else SMOOTH for number in range(_MEMBERS)]
        return [_Beliefs(k, p, prior_hyper(p)) for k, p in zip(kernels, priors, strict=True)]

    def _coordinates(self, evidence: Evidence) -> Floats:
        return self._distances.coordinates(evidence.rows, evidence.is_past if self._has_past else None)

    def _now(self, rows: Rows) -> Floats:
        return self._distances.coordinates(rows, False if self._has_past else None)

    def _fitted(self) -> _Learnt:
        if self._known is None:
            raise NotFitted("the model has nothing to predict from yet: at least two scores must be recorded")
        return self._known


class _Learnt:
    """The members' processes given all that is known; each is worked out when it is first asked."""

    def __init__(self, distances: Distances, members: tuple[_Beliefs, ...], evidence: Evidence, points: Floats) -> None:
        self._distances, self._members, self._evidence = distances, members, evidence
        self._known = Known(points, distances.pairs(points))

    @cached_property
    def processes(self) -> list[GaussianProcess]:
        """One for each member, for the scores as they are."""
        return [self._process(member, self._evidence.scores) for member in self._members]

    @cached_property
    def weights(self) -> Floats:
        """How far each is to be trusted, shape (members,), sum 1."""
        own = ~self._evidence.is_past
        scores = self._evidence.scores[own]
        fits = []
        for process in self.processes:
            mean, std = (part[own] for part in process.left_out)
            fits.append(float((-0.5 * ((scores - mean) / std) ** 2 - np.log(std)).sum()))
        likelihood = np.exp(np.array(fits) - max(fits))
        weights: Floats = likelihood / likelihood.sum()
        return weights

    def looking_beneath(self, number: int) -> GaussianProcess:
        """A member's process for the scores with the signals' share in them."""
        return self._process(self._members[number], shaped(self._evidence))

    def _process(self, member: _Beliefs, scores: Floats) -> GaussianProcess:
        return GaussianProcess(self._distances, member.kernel, member.prior, member.hyper, self._known, scores)


def _mixture(weights: Floats, told: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of a mixture, by the law of total variance."""
    means, stds = np.array([mean for mean, _ in told]), np.array([std for _, std in told])
    mean = weights @ means
    return mean, np.sqrt(weights @ (stds**2 + (means - mean) ** 2))


def _chosen(evidence: Evidence, most: int) -> NDArray[np.intp]:
    """At most so many trials: a third of the worst, a third of the latest, the others spread evenly over time."""
    n = len(evidence)
    if n <= most:
        return np.arange(n)
    third = most // 3
    worst = np.argsort(-evidence.scores, kind="stable")[:third]
    kept = np.union1d(worst, np.arange(n - third, n))
    others = np.setdiff1d(np.arange(n), kept)
    even = others[np.linspace(0, len(others) - 1, most - len(kept)).astype(np.intp)]
    return np.union1d(kept, even)
