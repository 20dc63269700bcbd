"""Which cell next: what may hurt most and is least like what was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from boifi_core.models import SeenCall
from boifi_core.session.screen.cells import Cell
from boifi_core.session.screen.cover import Cover
from boifi_core.session.screen.strikes import reach, struck
from boifi_core.space.rows import Rows

_UNKNOWN = 0.05
"""What a place is worth that no trace tells of, where there are traces: they may lack it."""

_OTHER_KIND, _OTHER_ANSWER, _SAME_ANSWER = 0.5, 0.75, 3.0
"""How alike two faults at one place are: a delay and an abort; aborts that callers tell apart; others."""

_LESS_WIDE = 0.5
"""How alike two places are, one of which is a part of the other, where nothing else is known."""

_EVERYWHERE: tuple[object, ...] = (None, "/", ())


class Order:
    """What each cell may bring, given those that were tried.

    Where traces tell of calls, it is the traffic that a cell strikes, less for each cell like it that was tried. Where
    they tell of none that any cell strikes, it is how many of its categories did not meet yet.

    Args:
        calls: the target's without a fault, by `Call.where`; none where there are no traces.

    Attributes:
        is_told: whether any cell strikes a known call.
        alike: how alike each cell is to those that were tried, summed up; shape (cells,).
    """

    def __init__(self, cells: Sequence[Cell], calls: Mapping[str, SeenCall]) -> None:
        self.cells, self._calls = cells, calls
        self._struck: dict[object, frozenset[tuple[str, str | None, str]]] = {}
        self._reach: dict[object, float] = {}
        self.is_told = any(self._struck_by(cell) for cell in cells)
        self._places, self._place_of = _numbered([(cell.place, cell.others) for cell in cells])
        self._ways, self._way_of = _numbered([cell.behaviour for cell in cells])
        self.alike = np.zeros(len(cells))
        self._cover = Cover(cells)

    def reach(self, cell: Cell) -> float:
        """How much of the traffic the cell's fault strikes, about 0 to 1; 1 where nothing tells."""
        self._struck_by(cell)
        return max(_UNKNOWN, self._reach[cell.place]) if self.is_told else 1.0

    def learn(self, tried: Cell) -> None:
        """A cell was tried."""
        self.alike += self.likeness(tried)
        self._cover.learn(tried)

    def worths(self) -> Rows:
        """What each cell may bring, shape (cells,)."""
        if not self.is_told:
            return self._cover.new()
        found: Rows = self.reaches() * np.exp(-self.alike)
        return found

    def reaches(self) -> Rows:
        """How much of the traffic each cell strikes, shape (cells,)."""
        of_places: Rows = np.array([self.reach(self.cells[place]) for place in self._places])
        found: Rows = of_places[self._place_of]
        return found

    def likeness(self, other: Cell) -> Rows:
        """How alike each cell is to this one, 0 to 1, and 3 where it does the same at one place; shape (cells,)."""
        places = np.array([self._place(self.cells[place], other) for place in self._places])
        ways = np.array([_behaving(self.cells[place], other) for place in self._ways])
        found: Rows = places[self._place_of] * ways[self._way_of]
        return found

    def _struck_by(self, cell: Cell) -> frozenset[tuple[str, str | None, str]]:
        if cell.place not in self._struck:
            found = struck(cell.plan, self._calls)
            self._struck[cell.place] = frozenset((call.caller, call.callee, call.operation) for call in found)
            self._reach[cell.place] = reach(found)
        return self._struck[cell.place]

    def _place(self, cell: Cell, other: Cell) -> float:
        share = 1.0 if cell.others == other.others else _LESS_WIDE
        mine, theirs = self._struck_by(cell), self._struck_by(other)
        if mine and theirs:
            return share * len(mine & theirs) / len(mine | theirs)
        for (_, one), (_, two) in zip(cell.place, other.place, strict=True):
            if one != two:
                share *= _LESS_WIDE if one in _EVERYWHERE or two in _EVERYWHERE else 0.0
        return share


def _behaving(cell: Cell, other: Cell) -> float:
    mine, theirs = cell.plan.abort_status_code, other.plan.abort_status_code
    if mine is None or theirs is None:
        return _OTHER_KIND if cell.plan.fault_type != other.plan.fault_type else _SAME_ANSWER
    return _SAME_ANSWER if cell.way == other.way else _OTHER_ANSWER


def _numbered(keys: Sequence[object]) -> tuple[list[int], list[int]]:
    """The first place of each key, and of each key the number of its first."""
    first: dict[object, int] = {}
    of = [first.setdefault(key, len(first)) for key in keys]
    return [of.index(number) for number in range(len(first))], of
