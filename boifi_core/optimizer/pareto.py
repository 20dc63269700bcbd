"""What no other candidate beats in every respect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pareto_front(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows are not dominated: no other is at least as high everywhere and higher somewhere.

    Args:
        values: shape (n, objectives), higher is better.

    Returns:
        Shape (n,); equal rows stand or fall together.
    """
    # Highest sum first: a row can only be dominated by one with a higher sum.
    order = np.argsort(-values.sum(axis=1), kind="stable")
    front = np.zeros(len(values), bool)
    kept = np.empty((0, values.shape[1]))
    for index in order:
        row = values[index]
        if not ((kept >= row).all(axis=1) & (kept > row).any(axis=1)).any():
            front[index] = True
            kept = np.vstack([kept, row])
    return front
