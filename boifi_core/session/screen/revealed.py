"""What screened trials reveal: time-outs, calls that are left out, calls that are made in need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Point, SeenCall
from boifi_core.session.screen.cells import PLACE, Cell
from boifi_core.session.screen.order import Order
from boifi_core.session.screen.points import both, with_number
from boifi_core.session.screen.strikes import strikes, struck
from boifi_core.space import SearchSpace

_OF_A_TIMEOUT = 0.75
"""Of the wait after which a caller gives up, so much is slow and is still waited for."""

_STEP = 1.6
"""From one delay of a ladder to the next."""

_LATER = 0.85
"""By so much each further step of a ladder is worth less than the one before."""

_SURELY = 0.95
"""A caller that waits for less than this share of a delay did not wait for its end."""

_SAME = 1.25
"""Two waits that differ by less are one time-out."""

_LEFT_OUT = 0.5
"""A call is left out where it is made less than this share as often as without a fault."""

_STILL_ASKED = 0.8
"""A service is asked as usual where it is so in this share."""

_IN_NEED, _HARDLY = 0.1, 0.02
"""A call is made in need that is made in this share of the requests, and in hardly any without a fault."""

_OF_TIMEOUTS, _WORTH = 0.45, 0.5
"""What a delay just below a time-out, and all else that was revealed, is worth beside a cell unlike all others: 1."""


@dataclass(frozen=True)
class Seen:
    """A screened trial: its cell, and the calls of its window by `Call.where`."""

    cell: Cell
    calls: Mapping[str, SeenCall]


@dataclass(frozen=True)
class Lead:
    """A point that a trial suggests, and what it may be worth."""

    point: Point
    worth: float
    reason: str


class Revealed:
    """What the trials of a screen make it look at; each is asked once, in their order.

    Args:
        space: what may be tried.
        cells: at full strength.
        order: tells what they reach.
        usual: the target's calls without a fault, by `Call.where`.
    """

    def __init__(self, space: SearchSpace, cells: Sequence[Cell], order: Order, usual: Mapping[str, SeenCall]) -> None:
        self._space, self._cells, self._order, self._usual = space, cells, order, usual
        self._delays = {cell.place: cell for cell in reversed(cells) if _is_delay(cell)}
        self._rungs: dict[object, dict[int, bool]] = {}

    def by(self, seen: Seen) -> Iterator[Lead]:
        """The leads that one trial brings."""
        delay = self._delays.get(seen.cell.place)
        if delay is not None and _is_delay(seen.cell):
            yield from self._below_timeouts(seen, delay)
            if seen.cell.plan.percentage >= delay.plan.percentage:
                yield from self._next_rung(seen, delay)
        if len(self._space.groups) > 1:
            yield from self._pairs(seen)

    def _below_timeouts(self, seen: Seen, delay: Cell) -> Iterator[Lead]:
        """Of each time-out that a delay revealed, a delay that is still waited for."""
        plan = seen.cell.plan
        for wait_ms in _apart(sorted(wait for call in struck(plan, seen.calls) for wait in call.gave_up_ms)):
            if wait_ms < _SURELY * plan.wait_ms:
                worth = _OF_TIMEOUTS * self._order.reach(delay)
                yield from self._delayed(delay, _OF_A_TIMEOUT * wait_ms, wait_ms, worth)

    def _next_rung(self, seen: Seen, delay: Cell) -> Iterator[Lead]:
        """Where a delayed call is left out, a smaller delay, until it is not."""
        rungs = self._rungs.setdefault(seen.cell.place, {})
        rungs[seen.cell.plan.wait_ms] = is_left_out(seen, self._usual)
        out = [ms for ms, is_out in rungs.items() if is_out]
        if out and min(out) == min(rungs):
            worth = _WORTH * _LATER ** len(out) * self._order.reach(delay)
            yield from self._delayed(delay, min(out) / _STEP, min(out), worth)

    def _delayed(self, cell: Cell, delay_ms: float, below_ms: float, worth: float) -> Iterator[Lead]:
        """The same fault with another delay, where the space has one that is about that long, and no longer."""
        plan = cell.plan
        for name, value in _waits(self._space, plan, delay_ms - (plan.wait_ms - plan.strength)):
            point = with_number(self._space, cell.point, [name], value)
            waits_ms = [each.wait_ms for each in self._space.plans(point) if _at(each, plan)] if point else []
            if point is not None and waits_ms and 0 < waits_ms[0] < min(below_ms, plan.wait_ms):
                yield Lead(point, worth, "screen")
                return

    def _pairs(self, seen: Seen) -> Iterator[Lead]:
        """Of each call that is made only because another one failed, both broken at once."""
        in_need = [call for where, call in seen.calls.items() if self._is_in_need(where, call)]
        if not in_need or len(self._space.plans(seen.cell.point)) > 1:
            return
        kinds: set[str] = set()
        for other in self._cells:
            is_new = other.plan.fault_type not in kinds and other.place != seen.cell.place
            if not is_new or not any(strikes(other.plan, call) for call in in_need):
                continue
            kinds.add(other.plan.fault_type)
            if (point := both(self._space, seen.cell.point, other.point)) is not None:
                yield Lead(point, _WORTH * self._order.reach(seen.cell), "pair")

    def _is_in_need(self, where: str, call: SeenCall) -> bool:
        usual = self._usual.get(where)
        return call.share >= _IN_NEED and (usual is None or usual.share <= _HARDLY)


def is_left_out(seen: Seen, usual: Mapping[str, SeenCall]) -> bool:
    """Whether somebody who is asked as usual hardly asks any more for what the fault strikes."""
    before, now = (_by_caller(struck(seen.cell.plan, calls)) for calls in (usual, seen.calls))
    return bool(seen.calls) and any(
        now[caller] < _LEFT_OUT * share and _is_asked(caller, seen.calls, usual) for caller, share in before.items()
    )


def _by_caller(calls: Iterable[SeenCall]) -> Counter[str]:
    shares: Counter[str] = Counter()
    for call in calls:
        shares[call.caller] += call.share  # type: ignore[assignment]
    return shares


def _is_asked(caller: str, calls: Mapping[str, SeenCall], usual: Mapping[str, SeenCall]) -> bool:
    before, now = (sum(call.share for call in each.values() if call.callee == caller) for each in (usual, calls))
    return now >= _STILL_ASKED * before  # of those outside nobody asks anything


def _is_delay(cell: Cell) -> bool:
    milder = cell.plan.kind.milder
    return milder is not None and milder.is_wait


def _at(one: FaultPlan, other: FaultPlan) -> bool:
    """Whether two faults are of one kind and at one place."""
    return one.fault_type == other.fault_type and all(getattr(one, name) == getattr(other, name) for name in PLACE)


def _waits(space: SearchSpace, plan: FaultPlan, delay_ms: float) -> Iterator[tuple[str, float]]:
    """The dimensions that hold a request up, each with the number for that delay in its own unit."""
    milder = plan.kind.milder
    for group in space.groups:
        for source in group.sources:
            if source.known is milder and milder is not None:
                yield source.name, delay_ms / milder.factor(source.word)


def _apart(waits_ms: Sequence[float]) -> list[float]:
    found: list[float] = []
    for wait_ms in waits_ms:
        if not found or wait_ms > _SAME * found[-1]:
            found.append(wait_ms)
    return found
