"""How far a point is from everything that was tried."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def novelty(encoded: Floats, tried: Floats) -> Floats:
    """0 for a tried point, 1 where at least one category differs from every one of them.

    Args:
        encoded: shape (n, width), as `SearchSpace.encode` gives it.
        tried: shape (m, width), m >= 1.

    Returns:
        Shape (n,): half the squared distance to the nearest tried point (another category is 2 apart), at most 1.
    """
    # Not encoded @ tried.T: that may round differently with another number of threads.
    products = np.einsum("ik,jk->ij", encoded, tried)
    squares = (encoded**2).sum(axis=1)[:, None] + (tried**2).sum(axis=1) - 2 * products
    nearest: Floats = squares.min(axis=1)
    return np.clip(nearest / 2, 0.0, 1.0)


def widened(std: Floats, novel: Floats, spread: float) -> Floats:
    """The model's standard deviation, and the doubt about what is new added to it.

    Trees are as sure of a corner that nobody has seen as of the leaf it falls into. Scores of what is new may lie
    anywhere in the spread of those that are known, so their variance is added, times how new it is.

    Args:
        std: the model's own, shape (n,).
        novel: from `novelty`, shape (n,).
        spread: standard deviation of the scores known so far.
    """
    variance: Floats = std**2 + novel * spread**2
    return np.sqrt(variance)
