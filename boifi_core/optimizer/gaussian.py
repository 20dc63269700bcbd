"""A Gaussian process over mixed and conditional spaces, made for few and noisy experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from boifi_core.optimizer.distances import Distances

Floats = NDArray[np.float64]

_ITERATIONS = 25
_JITTER = 1e-8
_LEAST_VARIANCE = 1e-9


@dataclass(frozen=True)
class Kernel:
    """How alike two points are, from their distances in each dimension.

    Attributes:
        measure: what is made of a dimension's distance, before it is weighted by a power of its relevance.
        power: that power.
        likeness: from the weighted sum to 0..1.
        slope: the derivative of `likeness` at the sum, given the sum and the likeness there.
    """

    measure: Callable[[Floats], Floats]
    power: int
    likeness: Callable[[Floats], Floats]
    slope: Callable[[Floats, Floats], Floats]


def _matern(total: Floats) -> Floats:
    r = np.sqrt(5 * total)
    return (1 + r + r * r / 3) * np.exp(-r)


def _matern_slope(total: Floats, _: Floats) -> Floats:
    r = np.sqrt(5 * total)
    return -(5 / 6) * (1 + r) * np.exp(-r)


ROUGH = Kernel(measure=lambda d: d, power=1, likeness=lambda t: np.exp(-t), slope=lambda _, likeness: -likeness)
"""exp(-sum_d r_d |d|): what an infinite forest of random splits would say (Balog et al. 2016, UAI). It expects cliffs:
how unsure it is between two points grows with their distance at once."""

SMOOTH = Kernel(measure=np.square, power=2, likeness=_matern, slope=_matern_slope)
"""Matérn 5/2 with one length scale a dimension (Rasmussen & Williams 2006, chapter 4.2): it expects slopes."""


@dataclass(frozen=True)
class Prior:
    """What is believed before there is data.

    Attributes:
        log_relevance: the centre for each dimension, shape (dimensions,); relevance is 1 over a length scale.
        relevance_sd: how far from the centre a logarithm of relevance may well be.
        scale: how far severities spread around their mean, severity points, where the data do not show more.
        log_noise: centre of the logarithm of noise variance over signal variance.
        noise_sd: the same for the noise.
        weight: how many observations the prior of the scale counts for.
    """

    log_relevance: Floats
    relevance_sd: float = 1.4
    scale: float = 4.0
    log_noise: float = float(np.log(0.02))
    noise_sd: float = 1.0
    weight: float = 4.0


@dataclass(frozen=True)
class Hyper:
    """What was learnt: each dimension's relevance, shape (dimensions,), and noise variance over signal variance."""

    relevance: Floats
    noise: float


def prior_hyper(prior: Prior) -> Hyper:
    """The centre of the prior."""
    return Hyper(np.exp(prior.log_relevance), float(np.exp(prior.log_noise)))


def fit_hyper(kernel: Kernel, prior: Prior, pairs: Floats, scores: Floats) -> Hyper:
    """The most probable relevances and noise, given scores at points with these distances.

    Maximises marginal likelihood times prior by L-BFGS-B, mean and variance of the process worked out exactly at each
    step (Rasmussen & Williams 2006, chapter 5.4.1). Always begun at the prior's centre, so that it depends on nothing
    but its arguments.

    Args:
        pairs: from `Distances.pairs`, shape (dimensions, n (n - 1) / 2).
        scores: shape (n,), n >= 2.
    """
    objective = _Objective(kernel, prior, kernel.measure(pairs), scores)
    start = np.append(prior.log_relevance, prior.log_noise)
    bounds = [(-7.0, 5.0)] * len(prior.log_relevance) + [(-9.0, 1.0)]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _ITERATIONS}).x
    return Hyper(np.exp(found[:-1]), float(np.exp(found[-1])))


class _Objective:
    """Minus the log of the posterior density of the hyperparameters, and its gradient."""

    def __init__(self, kernel: Kernel, prior: Prior, measured: Floats, scores: Floats) -> None:
        self._kernel, self._prior, self._measured = kernel, prior, measured
        self._n = len(scores)
        self._lower = np.tril_indices(self._n, -1)
        self._unit = _unit(prior, scores)
        self._scores = scores / self._unit

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        kernel, prior, n = self._kernel, self._prior, self._n
        weights, noise = np.exp(kernel.power * logs[:-1]), np.exp(logs[-1])
        total = weights @ self._measured
        likeness = kernel.likeness(total)
        factor, inverse = _factorised(likeness, noise, n, self._lower)
        _, pull, variance = _explained(inverse, self._scores, prior.weight)
        off = np.append((logs[:-1] - prior.log_relevance) / prior.relevance_sd, 0.0)
        off[-1] = (logs[-1] - prior.log_noise) / prior.noise_sd
        value = 0.5 * (n + prior.weight) * np.log(variance) + np.log(np.diag(factor)).sum() + 0.5 * (off @ off)
        residue = inverse[self._lower] - pull[self._lower[0]] * pull[self._lower[1]] / variance
        gradient = np.empty_like(logs)
        # Each pair stands twice in the matrix, which the one half of the formula makes up for.
        gradient[:-1] = kernel.power * weights * (self._measured @ (residue * kernel.slope(total, likeness)))
        gradient[-1] = 0.5 * noise * (np.trace(inverse) - pull @ pull / variance)
        gradient[:-1] += off[:-1] / prior.relevance_sd
        gradient[-1] += off[-1] / prior.noise_sd
        return float(value), gradient


@dataclass(frozen=True)
class Known:
    """Where scores are known: coordinates, and their distances from each other, from `Distances.pairs`."""

    points: Floats
    pairs: Floats


class GaussianProcess:
    """What to expect anywhere, given scores at some points and hyperparameters.

    Attributes:
        prior_std: standard deviation where nothing is known, severity points.
        expected: the mean at the known points, shape (n,).
        left_out: mean and standard deviation that each known score would have been given without it, shape (n,) each
            (Rasmussen & Williams 2006, equation 5.12).
    """

    def __init__(
        self, distances: Distances, kernel: Kernel, prior: Prior, hyper: Hyper, known: Known, scores: Floats
    ) -> None:
        self._distances, self._kernel, self._points = distances, kernel, known.points
        self._weights = hyper.relevance**kernel.power
        self._noise = hyper.noise
        self._unit = _unit(prior, scores)
        n, lower = len(scores), np.tril_indices(len(scores), -1)
        likeness = kernel.likeness(self._weights @ kernel.measure(known.pairs))
        self._factor, inverse = _factorised(likeness, hyper.noise, n, lower)
        self._mean, self._pull, self._variance = _explained(inverse, scores / self._unit, prior.weight)
        own = 1 / np.diag(inverse)
        self.prior_std = float(np.sqrt(self._variance) * self._unit)
        # The noise part of each score is what the mean leaves out of it.
        self.expected = scores - hyper.noise * self._pull * self._unit
        self.left_out = scores - self._pull * own * self._unit, np.sqrt(self._variance * own) * self._unit

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the severity without noise, shape (n,) each; from coordinates."""
        likeness = self._likeness(points, self._points)
        mean = self._mean + likeness @ self._pull
        spread = self._spread(likeness)
        left = np.maximum(1 - np.einsum("ij,ij->j", spread, spread), _LEAST_VARIANCE)
        return mean * self._unit, np.sqrt(self._variance * left) * self._unit

    def tells(self, points: Floats, others: Floats, counts: Floats) -> Floats:
        """By how much a score at each point would narrow the variance at the others, times what each counts.

        From coordinates, shape (n, …) and (m, …), and weights of shape (m,); shape (n,). Source: Cohn, Ghahramani &
        Jordan (1996), J. Artificial Intelligence Research 4, 129-145; for Gaussian processes: Seo et al. (2000), IJCNN.
        """
        spread = self._spread(self._likeness(points, self._points))
        far = self._spread(self._likeness(others, self._points))
        shared = self._likeness(others, points) - far.T @ spread
        left = np.maximum(1 - np.einsum("ij,ij->j", spread, spread), _LEAST_VARIANCE)
        told: Floats = counts @ shared**2 / (left + self._noise)
        return told

    def _likeness(self, points: Floats, others: Floats) -> Floats:
        return self._kernel.likeness(self._distances.weighted(points, others, self._weights, self._kernel.measure))

    def _spread(self, likeness: Floats) -> Floats:
        spread: Floats = solve_triangular(self._factor, likeness.T, lower=True, check_finite=False)
        return spread


def _unit(prior: Prior, scores: Floats) -> float:
    """What counts as one: scores that are all alike must not make noise look like news."""
    return max(float(scores.std()), prior.scale)


def _factorised(likeness: Floats, noise: float, n: int, lower: tuple[NDArray[np.intp], ...]) -> tuple[Floats, Floats]:
    """Cholesky factor and inverse of the covariance matrix of the scores, in units of the signal variance."""
    matrix = np.zeros((n, n))
    matrix[lower] = likeness
    jitter = _JITTER
    matrix[np.diag_indices(n)] = 1 + noise + jitter
    factor, failed = dpotrf(matrix, lower=1, clean=1)
    # What is absent from some points need not fit into one Euclidean space with the others; noise makes up for that.
    while failed and jitter < 1:
        jitter *= 10
        matrix[np.diag_indices(n)] = 1 + noise + jitter
        factor, failed = dpotrf(matrix, lower=1, clean=1)
    inverse, _ = dpotri(factor, lower=1)
    inverse = np.tril(inverse)
    return factor, inverse + np.tril(inverse, -1).T


def _explained(inverse: Floats, scores: Floats, weight: float) -> tuple[float, Floats, float]:
    """The process's mean, how much each score pulls, and the signal variance, as the data have them."""
    sums = inverse.sum(axis=1)
    mean = float(sums @ scores / sums.sum())
    pull = inverse @ (scores - mean)
    return mean, pull, float(((scores - mean) @ pull + weight) / (len(scores) + weight))
