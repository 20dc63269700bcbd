"""Which two categories met in cells that were tried: what is left to cover where nothing tells what cells may bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np

from boifi_core.session.screen.cells import Cell, Feature
from boifi_core.space.rows import Rows

Pair = tuple[Feature, Feature]
"""Two categories of one cell, or one twice: itself."""

_HOW = {"fault_type": 1.4, "way": 0.8, "behaviour": 0.2}
"""What a cell does, from coarse to fine, each with what it is worth that it did not meet another category yet: beside a
cell of which only some requests are struck, see `leads`."""

_OF_OTHERS = 0.4
"""What it is worth that two other categories did not meet, or that one was not tried."""

_EVENLY = 0.01
"""Of two cells that bring as much that is new, that comes first whose way was tried less; by less than one pair."""


class Cover:
    """What of the cells' categories met.

    Source: greedy cover of pairs, as in Cohen, Dalal, Fredman & Patton (1997), "The AETG system", IEEE Trans. Software
    Eng. 23, 437-444.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        told = [_features(cell) for cell in cells]
        values: dict[str, set[object]] = {}
        for each in told:
            for name, value in each.items():
                values.setdefault(name, set()).add(value)
        self._varied = {name for name, found in values.items() if len(found) > 1}
        self._number: dict[Pair, int] = {}
        of = [[self._number.setdefault(pair, len(self._number)) for pair in self._pairs(each)] for each in told]
        self._weights = np.array([*map(_weight, self._number), 0.0])
        self._of = np.full((len(cells), max(map(len, of), default=0)), len(self._number))
        for row, numbers in enumerate(of):
            self._of[row, : len(numbers)] = numbers
        self._ways = [cell.way for cell in cells]
        self._tried: Counter[str] = Counter()

    def learn(self, tried: Cell) -> None:
        """A cell was tried."""
        for pair in self._pairs(_features(tried)):
            if pair in self._number:
                self._weights[self._number[pair]] = 0.0
        self._tried[tried.way] += 1

    def new(self) -> Rows:
        """How much of each cell did not meet yet, shape (cells,)."""
        n = max(1, self._tried.total())
        often = {way: _EVENLY * self._tried[way] / n for way in {*self._ways}}
        found: Rows = self._weights[self._of].sum(axis=1) - np.array([often[way] for way in self._ways])
        return found

    def _pairs(self, features: Mapping[str, object]) -> Iterator[Pair]:
        """Each two, but for those that say what the cell does: they are one thing."""
        varied = [(name, value) for name, value in features.items() if name in self._varied]
        return (
            (one, other)
            for one, other in combinations_with_replacement(varied, 2)
            if one == other or one[0] not in _HOW or other[0] not in _HOW
        )


def _features(cell: Cell) -> dict[str, object]:
    how = zip(_HOW, (cell.plan.fault_type, cell.way, cell.behaviour), strict=True)
    return {**dict((*cell.place, *cell.others)), **dict(how)}


def _weight(pair: Pair) -> float:
    one, other = (_HOW.get(name, _OF_OTHERS) for name, _ in pair)
    return one if pair[0] == pair[1] else max(one, other)
