"""How promising a point is, from what the model expects there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

_TINY = 1e-100


class Acquisition(Protocol):
    """One measure of promise; higher is better."""

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        """Promise of each point.

        Args:
            mean: what the model expects, shape (n,), severity points.
            std: its standard deviation, shape (n,), same unit, >= 0.
            best: highest severity recorded.

        Returns:
            Shape (n,).
        """


@dataclass(frozen=True)
class ExpectedImprovement:
    """Expected gain over the highest severity so far: EI = (m - b - xi) Phi(z) + s phi(z), z = (m - b - xi) / s.

    m and s are mean and std, b is the best, Phi and phi the standard normal distribution and its density. Where s is 0
    it is max(m - b - xi, 0); it is never negative.

    Attributes:
        xi: what a gain must exceed to count, severity points; more explores more.

    Source: Jones, Schonlau & Welch (1998), J. Global Optim. 13, 455-492; xi: Lizotte (2008), PhD thesis, Alberta.
    """

    xi: float = 0.01

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        gain = mean - best - self.xi
        certain = std <= 0
        # Beyond 40 standard deviations both functions are exact; the square of more would overflow.
        z = np.clip(gain / np.where(certain, 1.0, np.maximum(std, _TINY)), -40, 40)
        density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        # The formula cancels to slightly below 0 far from the best.
        return np.maximum(np.where(certain, gain, gain * ndtr(z) + std * density), 0.0)


@dataclass(frozen=True)
class UpperConfidenceBound:
    """The upper end of what the model thinks possible: UCB = m + beta s.

    Attributes:
        beta: how many standard deviations; 1.96 is the upper end of a 95 % interval.

    Source: Cox & John (1992), IEEE Int. Conf. Systems, Man and Cybernetics, 1241-1246; Srinivas et al. (2010), ICML.
    """

    beta: float = 1.96

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        return mean + self.beta * std


@dataclass(frozen=True)
class Balance:
    """How acquisition functions weigh the unknown; each reads its own.

    Attributes:
        xi: for `ei`, severity points, >= 0.
        beta: for `ucb`, standard deviations, >= 0.
    """

    xi: float = 0.2
    beta: float = 1.96


ACQUISITIONS: Mapping[str, Callable[[Balance], Acquisition]] = {
    "ei": lambda balance: ExpectedImprovement(balance.xi),
    "ucb": lambda balance: UpperConfidenceBound(balance.beta),
}
