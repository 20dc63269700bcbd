"""Whether differences between peers are more than luck: ranks over landscapes and seeds, and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Block = tuple[str, int]
"""A landscape and a seed: what peers are compared on."""

Regrets = Mapping[str, Mapping[Block, float]]
"""By peer and block."""


@dataclass(frozen=True)
class Ranking:
    """Peers ranked on the blocks that all of them have.

    Attributes:
        blocks: how many.
        mean_rank: by peer; 1 is best, ties share their ranks.
        friedman_p: the chance of such differences, were all equal (Friedman's test); 1 with fewer than three peers.
    """

    blocks: int
    mean_rank: dict[str, float]
    friedman_p: float


def ranking(regrets: Regrets, decimals: int = 3) -> Ranking:
    """Rank by regret, the lowest first; what is equal when rounded is equal."""
    names = list(regrets)
    shared = sorted(set.intersection(*(set(regrets[name]) for name in names)))
    if not shared:
        return Ranking(0, {name: float("nan") for name in names}, 1.0)
    table = np.round([[regrets[name][block] for block in shared] for name in names], decimals)
    mean = stats.rankdata(table, axis=0).mean(axis=1)
    return Ranking(len(shared), dict(zip(names, mean.tolist(), strict=True)), _friedman(table))


def _friedman(table: NDArray[np.float64]) -> float:
    if len(table) < 3 or (table == table[0]).all():
        return 1.0
    return float(stats.friedmanchisquare(*table).pvalue)


@dataclass(frozen=True)
class Duel:
    """BOIFI against one peer, on the blocks that both have.

    Attributes:
        blocks: how many.
        difference: mean regret of BOIFI minus that of the peer; below 0 BOIFI is better.
        wins, losses: blocks with a lower and with a higher regret of BOIFI; the rest are ties.
        p: two-sided, Wilcoxon's signed-rank test with Pratt's treatment of ties.
        holm_p: the same, adjusted for the number of peers (Holm).
    """

    blocks: int
    difference: float
    wins: int
    losses: int
    p: float
    holm_p: float

    @property
    def reversed(self) -> Duel:
        """The same told of what is better the more there is."""
        return replace(self, difference=0.0 - self.difference)


def duels(regrets: Regrets, ours: str, decimals: int = 3) -> dict[str, Duel]:
    """`ours` against each other peer that shares a block with it."""
    found: dict[str, Duel] = {}
    for name in regrets:
        shared = sorted(set(regrets[ours]) & set(regrets[name]))
        if name == ours or not shared:
            continue
        apart = np.round([regrets[ours][block] - regrets[name][block] for block in shared], decimals)
        wins, losses = int((apart < 0).sum()), int((apart > 0).sum())
        found[name] = Duel(len(shared), float(apart.mean()), wins, losses, _signed_rank(apart), 1.0)
    adjusted = holm([duel.p for duel in found.values()])
    return {
        name: Duel(duel.blocks, duel.difference, duel.wins, duel.losses, duel.p, p)
        for (name, duel), p in zip(found.items(), adjusted, strict=True)
    }


def _signed_rank(apart: NDArray[np.float64]) -> float:
    if not apart.any():
        return 1.0
    return float(stats.wilcoxon(apart, zero_method="pratt", method="asymptotic").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: the k-th smallest of n counts n - k + 1 times, and none less than one before it.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    adjusted = [1.0] * len(p_values)
    so_far = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        so_far = max(so_far, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = so_far
    return adjusted
