"""The smallest single faults that show a failure, where less of one number takes more of another.

A short delay may break what it meets only if it meets every request, and a long one already if it meets a few: then
there is no smallest fault, but a frontier of faults of which none is smaller than another in all.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.models import FailureMode, FrontierPoint, MinimalFault, Threshold
from boifi_core.findings.passes.base import place
from boifi_core.models import Trial

Places = Mapping[tuple[Hashable, ...], Sequence[Trial]]


def by_place(trials: Sequence[Trial]) -> Places:
    """The trials of single faults, those together whose faults differ in their numbers and methods only."""
    found: dict[tuple[Hashable, ...], list[Trial]] = defaultdict(list)
    for trial in trials:
        if len(trial.plans) == 1:
            found[place(trial.plans[0])].append(trial)
    return found


def frontier(
    mode: FailureMode, places: Places, home: Mapping[int, str], smallest: MinimalFault | None
) -> tuple[FrontierPoint, ...]:
    """The single faults of which most readings show the failure, and than which no smaller one at the same place does.

    The smallest fault that was looked for is one of them, unless a still smaller one is known. Its place comes first,
    then those where the failure was seen earlier; of a place the mildest fault comes first, which meets most requests.

    Args:
        places: all trials with a real score that had one fault, by its place.
        home: the failure that each trial showed, by its label.
        smallest: the fault that was looked for; None where none was.
    """
    known = mode.worst_plans if smallest is None else smallest.plans
    first = place(known[0]) if known else None
    sure = _amount(known[0]) if smallest is not None and len(known) == 1 else None
    numbers = frozenset(mode.trials)
    own = [(here, trials) for here, trials in places.items() if any(trial.trial in numbers for trial in trials)]
    own.sort(key=lambda each: (each[0] != first, min(trial.trial for trial in each[1] if trial.trial in numbers)))
    return tuple(
        point for here, trials in own for point in _of_place(mode, trials, home, sure if here == first else None)
    )


_Amount = tuple[str | None, tuple[float, ...]]
"""How much of a fault there is: its method, and its numbers in the order of `Kind.scales`."""


@dataclass(frozen=True)
class _Fault:
    """A fault and what its readings came to: `trial` is the first that showed the failure, 0 where none did."""

    plan: FaultPlan
    amount: _Amount
    trial: int
    shown: int
    readings: int

    @property
    def margin(self) -> int:
        """How many more readings showed it than did not; negative where most did not."""
        return 2 * self.shown - self.readings

    def is_within(self, other: _Fault) -> bool:
        """Whether there is no more of it than of the other in anything."""
        (method, numbers), (wider, most) = self.amount, other.amount
        return (wider is None or method == wider) and all(map(float.__le__, numbers, most))


def _amount(plan: FaultPlan) -> _Amount:
    return plan.target_method, tuple(float(getattr(plan, scale.name) or 0.0) for scale in plan.kind.scales)


def _of_place(
    mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str], sure: _Amount | None
) -> list[FrontierPoint]:
    alike: dict[_Amount, list[Trial]] = defaultdict(list)
    for trial in trials:
        alike[_amount(trial.plans[0])].append(trial)
    known = None if sure is None else _fault(mode, alike.pop(sure), home)
    faults = _faults(mode, list(alike.values()), home, known)
    held = [fault for fault in faults if fault.margin < 0]
    shown = [fault for fault in faults if fault.margin > 0]
    least = _least(shown if known is None else [known, *shown], held, known)
    least.sort(key=lambda fault: (fault.amount[1], fault.amount[0] or ""))
    return [_point(fault, held) for fault in least]


def _least(shown: Sequence[_Fault], held: Sequence[_Fault], known: _Fault | None) -> list[_Fault]:
    """Of those that show it the smallest, without those that chance made odd."""
    while True:
        least = [fault for fault in shown if not any(fault is not other and other.is_within(fault) for other in shown)]
        odd = [fault for fault in least if fault is not known and _is_odd(fault, shown, held)]
        if not odd:
            return least
        shown = [fault for fault in shown if fault not in odd]


def _is_odd(fault: _Fault, shown: Sequence[_Fault], held: Sequence[_Fault]) -> bool:
    """Whether it shows the failure though larger faults do not, which no more readings say than that they do.

    Only those count than which still larger ones show it again: beyond, a place may fail in another way.
    """
    larger = [other for other in shown if other is not fault and fault.is_within(other)]
    against = [other for other in held if fault.is_within(other) and any(map(other.is_within, larger))]
    if not against:
        return False
    agreeing = [fault, *(other for other in larger if any(map(other.is_within, against)))]
    return sum(other.margin for other in [*agreeing, *against]) <= 0


def _faults(
    mode: FailureMode, alike: Sequence[Sequence[Trial]], home: Mapping[int, str], known: _Fault | None
) -> list[_Fault]:
    """What the faults of a place came to, by the rules by which a smaller fault is looked for.

    The typical requests must show the failure, if they do by the worst fault: a few slow ones of many cross a threshold
    before it. Of fewer requests, some are enough from that threshold on, if a call tells that it is this failure.
    """
    some = frozenset(mode.fewer_kinds)
    if mode.worst in mode.faint:
        return [_fault(mode, same, home, some) for same in alike]
    typical = [_fault(mode, same, home, some.union(mode.faint)) for same in alike]
    if mode.is_untraced:
        return typical
    showing = [fault.plan for fault in typical if fault.margin > 0] + ([] if known is None else [known.plan])
    from_on = min((plan.strength for plan in showing), default=math.inf)
    return [
        _fault(mode, same, home, some) if fault.plan.kind.milder is None or fault.plan.strength >= from_on else fault
        for fault, same in zip(typical, alike, strict=True)
    ]


def _fault(mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str], not_by: Collection[int] = ()) -> _Fault:
    plan = trials[0].plans[0]
    shown = [trial.trial for trial in trials if home.get(trial.trial) == mode.label and trial.trial not in not_by]
    return _Fault(plan, _amount(plan), min(shown, default=0), len(shown), len(trials))


def _point(fault: _Fault, held: Sequence[_Fault]) -> FrontierPoint:
    method, numbers = fault.amount
    thresholds = []
    for place_of, (scale, number) in enumerate(zip(fault.plan.kind.scales, numbers, strict=True)):
        weaker = [
            other.amount[1][place_of]
            for other in held
            if other.amount[0] in (None, method)
            and all(
                theirs < mine if index == place_of else theirs >= mine
                for index, (theirs, mine) in enumerate(zip(other.amount[1], numbers, strict=True))
            )
        ]
        holds_at = max(weaker, default=None)
        thresholds.append(Threshold(dimension=scale.name, fails_at=number, holds_at=holds_at, unit=scale.unit))
    return FrontierPoint(
        trial=fault.trial, plan=fault.plan, shown=fault.shown, readings=fault.readings, thresholds=tuple(thresholds)
    )
