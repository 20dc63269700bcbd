"""Where a session begins, before there is anything to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from boifi_core.optimizer.percentage import lean
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows
from boifi_core.space.sampling import settle

_TRIES = 24
_MOST_COMPARED = 500
"""Up to so many rows, several designs are made and the best is taken."""

Design = Callable[[SearchSpace, np.random.Generator, int], Rows]
"""From a space, a random stream and a number to at most that many valid rows; they may repeat."""


def random_design(space: SearchSpace, rng: np.random.Generator, n: int) -> Rows:
    """Rows drawn independently."""
    return space.sample_rows(rng, n)


def latin_hypercube(space: SearchSpace, rng: np.random.Generator, n: int) -> Rows:
    """Rows that cover each dimension evenly: of `n` equal parts of it, each has one.

    Percentages keep to the upper part of their range: what a fault can do shows there.

    Conditions and constraints tear holes into that, so of several such designs the one that covers most categories is
    taken, and of these the one whose closest two rows are farthest apart. If any dimension has a default, the first row
    takes the defaults.

    Source: McKay, Beckman & Conover (1979), Technometrics 21, 239-245; maximin: Morris & Mitchell (1995), J. Stat.
    Planning and Inference 43, 381-402.
    """
    if n > _MOST_COMPARED:
        # Which of many is best costs the square of their size, and so many rows cover the space in any case.
        return _defaults_first(space, rng, lean(space, hypercube(space, rng, n)))
    designs = [hypercube(space, rng, n) for _ in range(_TRIES)]
    best = max(designs, key=lambda rows: (_categories(space, rows), _closest(space, rows)))
    return _defaults_first(space, rng, lean(space, best))


def hypercube(space: SearchSpace, rng: np.random.Generator, n: int) -> Rows:
    """One Latin hypercube of `n` valid rows; where it broke a constraint, rows are drawn instead."""
    width = len(space.dimensions)
    parts = rng.permuted(np.tile(np.arange(n), (width, 1)), axis=1).T
    drawn = settle(space.layout, rng, space.layout.from_unit((parts + rng.random((n, width))) / n))
    rows = space.canonical_rows(drawn)
    broken = ~space.valid_rows(rows)
    if broken.any():
        rows[broken] = space.sample_rows(rng, int(broken.sum()))
    return rows


def _categories(space: SearchSpace, rows: Rows) -> int:
    categorical = [i for i, dimension in enumerate(space.dimensions) if dimension.type == "categorical"]
    return sum(len(np.unique(rows[~np.isnan(rows[:, i]), i])) for i in categorical)


def _closest(space: SearchSpace, rows: Rows) -> float:
    if len(rows) < 2:
        return 0.0
    encoded = space.encode_rows(rows)
    distances = ((encoded[:, None, :] - encoded[None, :, :]) ** 2).sum(axis=2)
    return float(distances[np.triu_indices(len(rows), 1)].min())


def _defaults_first(space: SearchSpace, rng: np.random.Generator, rows: Rows) -> Rows:
    """The same rows after one with the defaults, if there are any and they keep to the constraints."""
    columns = space.layout.columns
    given = [(i, dimension.default) for i, dimension in enumerate(space.dimensions) if dimension.default is not None]
    if not given or not len(rows):
        return rows
    unit = rng.random((1, len(columns)))
    row = space.layout.from_unit(unit)
    for index, default in given:
        row[0, index] = columns[index].code(default)
    row = space.canonical_rows(space.layout.masked(row))
    return np.vstack([row, rows[1:]]) if space.valid_rows(row)[0] else rows


DESIGNS: Mapping[str, Design] = {"latin_hypercube": latin_hypercube, "random": random_design}
