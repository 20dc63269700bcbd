"""What screened trials reveal: time-outs, calls that are left out, calls that are made in need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Point, SeenCall
from boifi_core.session.screen.cells import Cell, reach, struck
from boifi_core.session.screen.order import Known
from boifi_core.session.screen.points import both, with_number
from boifi_core.space import SearchSpace

_OF_A_TIMEOUT = 0.75
"""Of the wait after which a caller gives up, so much is slow and is still waited for."""

_STEP = 1.6
"""From one delay of a ladder to the next."""

_LATER = 0.85
"""By so much each further step of a ladder is worth less than the one before."""

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


def timeouts(space: SearchSpace, seen: Sequence[Seen], known: Known) -> Iterator[Lead]:
    """Of each time-out that a delay revealed, a delay that is still waited for."""
    for each in seen:
        plan = each.cell.plan
        waits_ms = sorted(wait for call in struck(plan, each.calls) for wait in call.gave_up_ms)
        for wait_ms in _apart(waits_ms):
            if wait_ms < 0.95 * plan.wait_ms:
                yield from _delayed(space, each.cell, _OF_A_TIMEOUT * wait_ms, _OF_TIMEOUTS * known.reach(each.cell))


def ladders(space: SearchSpace, seen: Sequence[Seen], known: Known) -> Iterator[Lead]:
    """Where a delayed call is left out, a smaller delay, until it is not."""
    for cell in {each.cell.place: each.cell for each in seen if each.cell.plan.wait_ms > 0}.values():
        rungs = {each.cell.plan.wait_ms: each for each in seen if each.cell.place == cell.place and _delay(each)}
        out = [ms for ms, each in rungs.items() if is_left_out(each, known)]
        if out and not any(ms < min(out) for ms in rungs if ms not in out):
            yield from _delayed(
                space, rungs[min(out)].cell, min(out) / _STEP, _WORTH * _LATER ** len(out) * known.reach(cell)
            )


def pairs(space: SearchSpace, seen: Sequence[Seen], cells: Sequence[Cell], known: Known) -> Iterator[Lead]:
    """Of each call that is made only because another one failed, both broken at once."""
    if len(space.groups) < 2:
        return
    for each in seen:
        n_faults = len(space.plans(each.cell.point))
        in_need = {where: call for where, call in each.calls.items() if _is_in_need(where, call, known)}
        for other in _one_of_each_kind(cells, in_need) if n_faults == 1 else ():
            if other.place != each.cell.place and (point := both(space, each.cell.point, other.point)) is not None:
                yield Lead(point, _WORTH * known.reach(each.cell), "pair")


def is_left_out(seen: Seen, known: Known) -> bool:
    """Whether somebody who is asked as usual hardly asks any more for what the fault strikes."""
    usual = _by_caller(struck(seen.cell.plan, known.calls))
    now = _by_caller(struck(seen.cell.plan, seen.calls))
    return bool(seen.calls) and any(
        now[caller] < _LEFT_OUT * share and _is_asked(caller, seen.calls, known) for caller, share in usual.items()
    )


def _by_caller(calls: Iterable[SeenCall]) -> Counter[str]:
    shares: Counter[str] = Counter()
    for call in calls:
        shares[call.caller] += call.share  # type: ignore[assignment]
    return shares


def _is_asked(caller: str, calls: Mapping[str, SeenCall], known: Known) -> bool:
    usual, now = (sum(call.share for call in each.values() if call.callee == caller) for each in (known.calls, calls))
    return now >= _STILL_ASKED * usual  # of those outside nobody asks anything


def _delay(seen: Seen) -> bool:
    return seen.cell.plan.wait_ms > 0


def _is_in_need(where: str, call: SeenCall, known: Known) -> bool:
    usual = known.calls.get(where)
    return call.share >= _IN_NEED and (usual is None or usual.share <= _HARDLY)


def _one_of_each_kind(cells: Sequence[Cell], calls: Mapping[str, SeenCall]) -> list[Cell]:
    found: dict[str, Cell] = {}
    for cell in cells:
        if reach(cell.plan, calls) > 0:
            found.setdefault(cell.plan.fault_type, cell)
    return list(found.values())


def _delayed(space: SearchSpace, cell: Cell, delay_ms: float, worth: float) -> Iterator[Lead]:
    """The same fault with another delay."""
    point = cell.point
    for name, value in _waits(space, cell.plan, delay_ms):
        changed = with_number(space, point, [name], value)
        if changed is not None and space.plans(changed) != space.plans(point):
            yield Lead(changed, worth, "screen")
            return


def _waits(space: SearchSpace, plan: FaultPlan, delay_ms: float) -> Iterator[tuple[str, float]]:
    """The dimensions that hold a request up, each with the number for that delay in its own unit."""
    milder = plan.kind.milder
    for group in space.groups:
        for source in group.sources:
            if source.known is milder and milder is not None and milder.is_wait:
                yield source.name, delay_ms / milder.factor(source.word)


def _apart(waits_ms: Sequence[float]) -> list[float]:
    found: list[float] = []
    for wait_ms in waits_ms:
        if not found or wait_ms > _SAME * found[-1]:
            found.append(wait_ms)
    return found
