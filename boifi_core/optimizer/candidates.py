"""Points that might be tried next: random ones, and those around the best."""

from __future__ import annotations

from collections.abc import Callable, Set

import numpy as np
from numpy.typing import NDArray

from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows
from boifi_core.space.space import row_ids

Floats = NDArray[np.float64]
Promise = Callable[[Floats], Floats]
"""From encoded points to how promising each is."""

_ROUNDS = 2
_STARTS = 12
_TRIED_STARTS = 6


def search_candidates(
    space: SearchSpace,
    rng: np.random.Generator,
    promise: Promise,
    tried: tuple[Rows, Floats],
    taken: Set[bytes],
    n: int,
) -> tuple[Rows, Floats, Floats]:
    """Untried rows, their encodings, and the promise of each; possibly none.

    Half of about `n` are drawn from the whole space, the others are neighbours: in each round, of the most promising so
    far and of the worst faults recorded.

    Args:
        tried: recorded rows and their scores.
        taken: keys of the rows that must not be proposed.
    """
    rows = _untried(space.sample_rows(rng, n // 2), taken)
    encoded = space.encode_rows(rows)
    promises = promise(encoded)
    worst = tried[0][np.argsort(-tried[1], kind="stable")[:_TRIED_STARTS]]
    for _ in range(_ROUNDS):
        starts = np.vstack([rows[np.argsort(-promises, kind="stable")[:_STARTS]], worst])
        each = max(1, n // (2 * _ROUNDS * len(starts)))
        found = _untried(space.neighbour_rows(np.repeat(starts, each, axis=0), rng), taken)
        if len(found):
            new = space.encode_rows(found)
            rows, encoded = np.vstack([rows, found]), np.vstack([encoded, new])
            promises = np.concatenate([promises, promise(new)])
    return rows, encoded, promises


def _untried(rows: Rows, taken: Set[bytes]) -> Rows:
    """The rows that are not taken."""
    return rows[[identity not in taken for identity in row_ids(rows)]] if len(rows) else rows
