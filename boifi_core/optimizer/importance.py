"""Which dimensions matter, and which only together: functional ANOVA of what the model predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.design import hypercube
from boifi_core.optimizer.surrogate import Predict
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_ROWS = 2048
_AT_ONCE = 512
"""So many rows fit the processor's cache: all at once take four times as long."""

_BINS = 12
_STREAM = 7
"""Of the random rows: always the same, so that the same model gives the same shares."""

_PAIRS = 10
_LEAST = 0.005
"""Of a pair's share, to be named."""

_SWEEPS = 4
_CHANCE = 4.0
"""By how many standard deviations a pair must exceed what chance alone gives it, to be named."""

_CONSTANT = 1e-12


@dataclass(frozen=True)
class Importance:
    """How much of the differences in predicted severity, over the whole space, goes back to what.

    Attributes:
        dimensions: every dimension and its share, 0 to 1, the largest first.
        pairs: two dimensions and the share of what they do only together, beyond what each does alone; the strongest
            first, none that chance might explain.
    """

    dimensions: tuple[tuple[str, float], ...]
    pairs: tuple[tuple[str, str, float], ...]


def importance(space: SearchSpace, predict: Predict) -> Importance:
    """First-order shares V_d = Var(E[f | x_d]) / Var(f), and the strongest shares of pairs, V_ij - V_i - V_j.

    f is the predicted mean at random rows of the space. Expectations are means over groups of rows: one for each
    category, or for each of some stretches of a number. Chance puts some variance between any groups; that is taken
    off, as in epsilon squared (Kelley 1935, PNAS 21, 554-559).

    In conditional spaces, that a dimension is absent is the doing of the one it depends on: a share, its own or a
    pair's, counts only what happens among the rows that have it. A pair's is what the means over both explain of f less
    the best sum of functions of one dimension each, so that what depends on one another does not count twice.

    Sources: Sobol (1993), Math. Modelling and Comp. Experiments 1, 407-414; on a surrogate, for hyperparameters:
    Hutter, Hoos & Leyton-Brown (2014), ICML, PMLR 32, 754-762.
    """
    rows = hypercube(space, np.random.default_rng(_STREAM), _ROWS)
    values = np.concatenate([predict(rows[start : start + _AT_ONCE])[0] for start in range(0, _ROWS, _AT_ONCE)])
    values = values - values.mean()
    whole = float(values @ values)
    names = [column.name for column in space.layout.columns]
    if whole <= _CONSTANT * len(rows):
        return Importance(tuple((name, 0.0) for name in names), ())
    groups = [_groups(column, rows[:, index]) for index, column in enumerate(space.layout.columns)]
    there = ~np.isnan(rows)
    shares = [_alone(codes, values, there[:, index]) / whole for index, codes in enumerate(groups)]
    alone = sorted(zip(names, shares, strict=True), key=lambda named: -named[1])
    together = _together(groups, there, values)
    found = sorted(together.items(), key=lambda one: (-one[1], one[0]))
    pairs = tuple((names[i], names[j], min(1.0, share / whole)) for (i, j), share in found if share > _LEAST * whole)
    return Importance(tuple(alone), pairs[:_PAIRS])


def _groups(column: Column, entries: Floats) -> Codes:
    """The number of each row's group, from 0; rows without the dimension are a group of their own, the last."""
    absent = np.isnan(entries)
    if column.is_categorical:
        codes, n = np.where(absent, 0, entries).astype(np.intp), len(column.values)
    else:
        there = entries[~absent]
        edges = np.unique(np.quantile(there, np.arange(1, _BINS) / _BINS)) if len(there) else there
        codes, n = np.searchsorted(edges, entries, side="right"), len(edges) + 1
    codes[absent] = n
    # Empty groups are left out, so that the highest number says how many there are.
    return np.unique(codes, return_inverse=True)[1].astype(np.intp)


def _alone(codes: Codes, values: Floats, there: NDArray[np.bool_]) -> float:
    """What the groups explain among the rows that have the dimension: a sum of squares, less what chance gives."""
    mine, codes = values[there], codes[there]
    if not len(mine):
        return 0.0
    counts, means = _means(codes, mine - mine.mean())
    between = float(counts @ means**2)
    free, rest = int((counts > 0).sum()) - 1, len(mine) - int((counts > 0).sum())
    within = float(((mine - mine.mean()) ** 2).sum()) - between
    return max(0.0, between - free * within / rest) if rest > 0 else 0.0


def _together(groups: Sequence[Codes], there: NDArray[np.bool_], values: Floats) -> dict[tuple[int, int], float]:
    """For each pair that does something together, the sum of squares that it explains and no sum of single ones does.

    What single dimensions explain is taken off first, so that it does not drown what is left.
    """
    left = _less_single(groups, values)
    singles = sum(int(codes.max()) for codes in groups) / len(left)
    found = {}
    for i, j in combinations(range(len(groups)), 2):
        both = there[:, i] & there[:, j]
        pair, mine = [groups[i][both], groups[j][both]], left[both]
        # Where one is absent at times, the other may act differently then: the doing of what the one depends on.
        excess = _beyond(pair, mine if both.all() else _less_single(pair, mine), singles)
        if excess > 0:
            # Single dimensions explain a part of anything by chance, their parameters' share of the rows; it is missing
            # from what is left, and what is left no longer fits the cells by as much again.
            found[i, j] = excess / (1 - singles) ** 2
    return found


def _beyond(pair: Sequence[Codes], left: Floats, singles: float) -> float:
    """What the cells of two dimensions explain of what neither explains alone; 0 if chance may do as much.

    Args:
        singles: how many parameters were fitted before, per row.
    """
    if not len(left):
        return 0.0
    one, other = pair
    counts, means = _means(one * (int(other.max()) + 1) + other, left)
    between = float(counts @ means**2)
    # Nested groups leave fewer degrees of freedom than this, and nothing between them either.
    free = max(0, int((counts > 0).sum()) - len(np.unique(one)) - len(np.unique(other)) + 1)
    rest = len(left) * (1 - singles) - free
    if not free or rest <= 0:
        return 0.0
    chance = max(0.0, float(left @ left) - between) / rest
    excess = between - free * chance
    return excess if excess > _CHANCE * chance * sqrt(2 * free) else 0.0


def _less_single(groups: Sequence[Codes], values: Floats) -> Floats:
    """The values less the best sum of functions of one dimension each, by backfitting.

    Source: Breiman & Friedman (1985), J. American Statistical Association 80, 580-598.
    """
    left = values
    for _ in range(_SWEEPS):
        for codes in groups:
            left = left - _means(codes, left)[1][codes]
    return left


def _means(codes: Codes, values: Floats) -> tuple[Floats, Floats]:
    """How many rows each group has, and their mean; 0 for none."""
    counts = np.bincount(codes).astype(np.float64)
    return counts, np.bincount(codes, weights=values) / np.maximum(counts, 1.0)
