"""Which cell next: what may hurt most and is least like what was tried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from boifi_core.models import SeenCall
from boifi_core.session.screen.cells import Cell, reach, struck

_UNKNOWN = 0.05
"""What a place is worth that no trace tells of, where there are traces: they may lack it."""

_OTHER_KIND, _OTHER_ANSWER, _SAME_ANSWER = 0.5, 0.75, 3.0
"""How alike two faults at one place are: a delay and an abort; aborts that callers tell apart; others."""

_LESS_WIDE = 0.5
"""How alike two places are, one of which is a part of the other, where nothing else is known."""


@dataclass(frozen=True, eq=False)
class Known:
    """What a screen knows of the target's calls without a fault, by `Call.where`; none where there are no traces."""

    calls: Mapping[str, SeenCall]
    _by_place: dict[object, frozenset[tuple[str, str | None, str]]] = field(default_factory=dict, repr=False)

    def reach(self, cell: Cell) -> float:
        """How much of the traffic the cell's fault strikes, about 0 to 1; 1 where nothing tells."""
        return max(_UNKNOWN, reach(cell.plan, self.calls)) if self.calls else 1.0

    def alike(self, cell: Cell, other: Cell) -> float:
        """How alike two cells are, 0 to 1."""
        return _behaving(cell, other) * self._place(cell, other)

    def _struck(self, cell: Cell) -> frozenset[tuple[str, str | None, str]]:
        if cell.place not in self._by_place:
            self._by_place[cell.place] = frozenset(map(_name, struck(cell.plan, self.calls)))
        return self._by_place[cell.place]

    def _place(self, cell: Cell, other: Cell) -> float:
        mine, theirs = self._struck(cell), self._struck(other)
        if mine and theirs:
            return len(mine & theirs) / len(mine | theirs)
        share = 1.0
        for (_, one), (_, two) in zip(cell.place, other.place, strict=True):
            if one != two:
                share *= _LESS_WIDE if one in _EVERYWHERE or two in _EVERYWHERE else 0.0
        return share


_EVERYWHERE: tuple[object, ...] = (None, "/", ())


def _name(call: SeenCall) -> tuple[str, str | None, str]:
    return call.caller, call.callee, call.operation


def _behaving(cell: Cell, other: Cell) -> float:
    mine, theirs = cell.plan.abort_status_code, other.plan.abort_status_code
    if mine is None or theirs is None:
        return _OTHER_KIND if cell.plan.fault_type != other.plan.fault_type else _SAME_ANSWER
    return _SAME_ANSWER if is_refusal(mine) == is_refusal(theirs) else _OTHER_ANSWER


def is_refusal(status: int) -> bool:
    """Whether a status says that there is no answer now, rather than a wrong one: callers may ask again.

    Source: RFC 9110, 15.6.3 to 15.6.5; RFC 6585, 4.
    """
    return status in (429, 502, 503, 504)


def worth(cell: Cell, tried: Sequence[Cell], known: Known) -> float:
    """What it may bring: the traffic that it strikes, less for each cell like it that was tried."""
    return known.reach(cell) * math.exp(-sum(known.alike(cell, each) for each in tried))
