"""Points that might be tried next: random ones, those around the best, and those in line with one of them."""

from __future__ import annotations

from collections.abc import Callable, Set

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.percentage import lean, strong_part
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]
Promise = Callable[[Rows], Floats]
"""From rows to how promising each is, shape (n,)."""

_ROUNDS = 3
_STARTS = 10
_TRIED_STARTS = 6

_ON_A_LINE = 24


def search_candidates(
    space: SearchSpace, rng: np.random.Generator, promise: Promise, worst: Rows, taken: Set[bytes], n: int
) -> tuple[Rows, Floats]:
    """Untried rows and the promise of each; possibly none.

    Half of about `n` are drawn from the whole space, the others are neighbours: in each round, of the most promising so
    far and of the worst faults known.

    Args:
        worst: the worst faults known, worst first.
        taken: identities of the rows that must not be proposed.
    """
    rows = untried(space, drawn(space, rng, max(1, n // 2)), taken)
    promises = promise(rows)
    for _ in range(_ROUNDS):
        starts = np.vstack([rows[np.argsort(-promises, kind="stable")[:_STARTS]], worst[:_TRIED_STARTS]])
        each = max(1, n // (2 * _ROUNDS * max(1, len(starts))))
        found = untried(space, space.neighbour_rows(np.repeat(starts, each, axis=0), rng), taken)
        if len(found):
            rows, promises = np.vstack([rows, found]), np.concatenate([promises, promise(found)])
    return rows, promises


def drawn(space: SearchSpace, rng: np.random.Generator, n: int) -> Rows:
    """`n` random rows, every other one with faults of high strength."""
    rows = space.sample_rows(rng, n)
    rows[::2] = lean(space, rows[::2])
    return rows


def in_line(space: SearchSpace, row: Rows) -> Rows:
    """Rows that differ from `row` in one number only, spread over that number's range; shape (m, dimensions).

    Of percentages over the upper part: where fewer requests are struck it is seldom worse. Numbers that other
    dimensions depend on are moved only as far as these stay what they are.
    """
    unit = (np.arange(_ON_A_LINE) + 0.5) / _ON_A_LINE
    lines = [np.empty((0, len(row)))]
    for index, column in enumerate(space.layout.columns):
        if not column.is_categorical and not np.isnan(row[index]):
            entries = np.unique(column.nearest(strong_part(column, unit)))
            line = np.repeat(row[None, :], len(entries), axis=0)
            line[:, index] = entries
            lines.append(line)
    rows = np.vstack(lines)
    kept = space.valid_rows(rows)
    for index, exists in enumerate(space.layout.parents):
        if exists is not None:
            kept &= exists(rows) == ~np.isnan(rows[:, index])
    return rows[kept]


def untried(space: SearchSpace, rows: Rows, taken: Set[bytes]) -> Rows:
    """The rows that are not taken."""
    return rows[[identity not in taken for identity in space.ids(rows)]] if len(rows) else rows
