"""Pieces of functions that are known to be hard, and the noise of their readings."""

from __future__ import annotations

import math

import numpy as np


def hill(x: float, at: float, width: float) -> float:
    """A bell: 1 at `at`, 0.61 at a distance of `width`."""
    return math.exp(-0.5 * ((x - at) / width) ** 2)


def stairs(x: float, steps: int) -> float:
    """0..1 to 0..1 in equal steps."""
    return math.floor(min(max(x, 0.0), 1.0 - 1e-9) * steps) / (steps - 1)


def tent(x: float, low: float, high: float) -> float:
    """A window: 0 outside `low`..`high`, 1 in its middle, straight between."""
    return max(0.0, 1.0 - abs(2 * x - low - high) / (high - low))


def unit(x: float, low: float, high: float, *, log: bool = False) -> float:
    """Where x lies between the bounds, 0 to 1."""
    if log:
        return math.log(x / low) / math.log(high / low)
    return (x - low) / (high - low)


class Gaussian:
    """Normal noise."""

    def __init__(self, sd: float) -> None:
        self._sd = sd

    def __call__(self, rng: np.random.Generator) -> float:
        return float(self._sd * rng.standard_normal())


class HeavyTailed:
    """Student's t with three degrees of freedom: mostly small, now and then far off."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __call__(self, rng: np.random.Generator) -> float:
        return float(self._scale * rng.standard_t(3))
