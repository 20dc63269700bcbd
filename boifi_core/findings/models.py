"""What a session found: the distinct ways in which the target failed, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import Field

from boifi_core.faults.plan import FaultPlan
from boifi_core.value import Value

VERIFY, MINIMISE = "verify", "minimise"
"""The reasons of the trials that look for a failure again, and for a smaller fault that shows it."""

SAMPLE = "sample"
"""The reason of the trials whose faults are drawn by chance alone."""


MOST, SOME = "", "some"
"""Where a STATUS of all kinds of request is: what most of them got, and the share that failed."""


class FactKind(StrEnum):
    """What can differ from a target without a fault; the order is that of a sentence.

    A call FAILS that nobody answered, or whose answer is an error; it is REFUSES where the service that was asked says
    so by itself, though all that it asked others went well. An answer is WRONG that has a good status and is not what
    is expected of it. The target HEALS_LATE that is as before only long after the fault is gone, and STAYS_DOWN where
    it does not come back by itself.
    """

    STATUS = "status"
    WRONG = "wrong"
    FAILS = "fails"
    REFUSES = "refuses"
    TIMES_OUT = "times_out"
    RETRIED = "retried"
    GONE = "gone"
    NEW = "new"
    SLOW = "slow"
    LOG = "log"
    LATENCY = "latency"
    HEALS_LATE = "heals_late"
    STAYS_DOWN = "stays_down"


TROUBLE = frozenset({FactKind.FAILS, FactKind.REFUSES, FactKind.TIMES_OUT, FactKind.GONE})
"""A call is in the same trouble whether it fails, is refused, given up or left out."""

CAUSE = 3.0
"""What a fact weighs at least that tells where the failure began."""

ECHO = 0.25
"""What a fact weighs that follows from something else: a call that failed because one below it did."""

_FLAKY_RUNS, _FLAKY_SHARE = 2, 0.25
"""A target fails by itself of which so many fault-free runs, and such a share of them, look like a failure."""

OF_CALLS = frozenset({*TROUBLE, FactKind.RETRIED, FactKind.NEW}) - {FactKind.GONE}
"""Facts that say for sure that a call went wrong, or was made for want of another."""

HEALING = frozenset({FactKind.HEALS_LATE, FactKind.STAYS_DOWN})
"""How it goes on when the fault is gone."""

OUTCOMES = frozenset({FactKind.STATUS, FactKind.WRONG, FactKind.LOG, FactKind.LATENCY}) | HEALING
"""What is known of a failure without any trace: what follows from its cause."""


class Fact(Value):
    """One thing that was seen under a fault and that the target does not do without one.

    `where` is what it was seen at: a call (`orders → payments POST /charges`), a log template, for WRONG the kind of
    request and what its answers break (`GET /cart: $.total > 0`), or, for STATUS and LATENCY, the kind of request,
    empty for all of them together. `request` is the kind of request whose trace shows a call. It has no counts, times
    or ids, which vary from run to run; `says` is for people, and may. `weight` is how much it tells of the cause: a
    call that failed by itself tells more than the calls that failed because of it. `callee` is who was asked, where
    that is known; `value` the tries, the milliseconds, or the share of the answers. `share` is the share of these calls
    that failed where the typical requests were spared; None where their traces show it.
    """

    kind: FactKind
    where: str
    request: str | None = None
    says: str = ""
    weight: float = Field(default=1.0, gt=0)
    callee: str | None = None
    value: float | None = None
    share: float | None = Field(default=None, gt=0, le=1, exclude_if=lambda share: share is None)

    @property
    def key(self) -> tuple[str, str]:
        """What makes two facts the same, whatever their numbers."""
        return (self.kind.value, self.where)

    @property
    def began(self) -> bool:
        """Whether the failure began at this call."""
        return self.weight >= CAUSE and (self.kind in TROUBLE or self.kind is FactKind.SLOW)

    @property
    def between(self) -> tuple[str, str]:
        """Of a call: who asked, empty where nobody is known, and who was asked, else what."""
        caller, arrow, operation = self.where.partition(" → ")
        return (caller, self.callee or operation) if arrow else ("", self.callee or caller)


def is_for_good(facts: Iterable[Fact]) -> bool:
    """Whether these facts of a failure say that the target does not come back from it by itself."""
    return any(fact.kind is FactKind.STAYS_DOWN for fact in facts)


class Verdict(StrEnum):
    """What measuring a failure again came to.

    A failure from which the target does not come back is not measured again: who would do that brings it down again.
    """

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"
    INCONCLUSIVE = "inconclusive"
    STAYS_DOWN = "does not come back"


class Reading(Value):
    """One more measurement of a fault, and the fault-free run just before it."""

    trial: int = Field(ge=1)
    severity: float = Field(ge=0, le=10)
    shows: bool
    control_severity: float | None = Field(default=None, ge=0, le=10)


class Confirmation(Value):
    """A failure mode measured again, interleaved with fault-free runs.

    `shown` of `readings` showed the failure; `low` and `high` bound the share of all runs that would, at `level`
    (Wilson's interval). `false_alarms` of `controls` fault-free runs looked like it; `false_alarm_high` bounds their
    share from above. `severity_low` and `severity_high` bound the mean severity (Student's t), None with one reading.
    """

    verdict: Verdict
    readings: tuple[Reading, ...]
    shown: int = Field(ge=0)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    level: float = Field(gt=0, lt=1)
    severity: float = Field(ge=0, le=10)
    severity_low: float | None = Field(default=None, ge=0, le=10)
    severity_high: float | None = Field(default=None, ge=0, le=10)
    controls: int = Field(ge=0)
    false_alarms: int = Field(ge=0)
    false_alarm_rate: float | None = Field(default=None, ge=0, le=1)
    false_alarm_high: float = Field(ge=0, le=1)

    @property
    def is_as_often_without(self) -> bool:
        """Whether fault-free runs look like it as often as runs with the fault do: then it is not the fault's doing."""
        return bool(self.shown) and (self.false_alarm_rate or 0.0) * len(self.readings) >= self.shown


class Bound(Value):
    """Where in one dimension of the search space a failure was seen: from `low` to `high`, or at `values`.

    `is_all` says that it was seen all over the dimension, which then says nothing about it.
    """

    dimension: str
    low: float | None = None
    high: float | None = None
    values: tuple[Any, ...] = ()
    is_all: bool = False

    def __str__(self) -> str:
        """For people: `delay_ms 95 to 145`, `target_service recommendations`."""
        if self.low is not None and self.high is not None:
            span = f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"
            return f"{self.dimension} {span}"
        return f"{self.dimension} {', '.join(map(str, self.values))}"


class Threshold(Value):
    """From where on a failure is seen, in one dimension of its smallest fault.

    `fails_at` is the mildest value that was seen to fail, `holds_at` the strongest that was seen to hold; None where
    even the mildest of the space fails. The true threshold lies between them.
    """

    dimension: str
    fails_at: float
    holds_at: float | None = None
    unit: str = ""

    @property
    def middle(self) -> float:
        """The likeliest value of the true threshold."""
        return self.fails_at if self.holds_at is None else (self.fails_at + self.holds_at) / 2

    def __str__(self) -> str:
        """For people: `delay_ms: from 29 ms on (28 ms does nothing)`."""
        unit = f" {self.unit}" if self.unit else ""
        held = f"; {self.holds_at:g}{unit} does not" if self.holds_at is not None else "; less was not tried"
        return f"{self.dimension}: from {self.fails_at:g}{unit} on{held}"


class MinimalFault(Value):
    """The smallest fault known that still shows a failure.

    `trial` is one that shows it. `dropped` names the faults and settings of the original that it can do without.
    `is_finished` says whether all that the space allows was tried within the budget; if not, it may get smaller.
    """

    trial: int = Field(ge=1)
    plans: tuple[FaultPlan, ...]
    severity: float = Field(ge=0, le=10)
    thresholds: tuple[Threshold, ...] = ()
    dropped: tuple[str, ...] = ()
    tried: int = Field(default=0, ge=0)
    is_finished: bool = False


class FrontierPoint(Value):
    """A single fault that shows a failure, than which no smaller one is known to: of nothing less, of nothing more.

    `shown` of its `readings` showed it, `trial` the first of them. `thresholds` tell for each of its numbers the
    strongest that was seen to hold with at least as much of the others.
    """

    trial: int = Field(ge=1)
    plan: FaultPlan
    shown: int = Field(ge=1)
    readings: int = Field(ge=1)
    thresholds: tuple[Threshold, ...] = ()


class FailureMode(Value):
    """One distinct way in which the target failed.

    `id` is made of the call that began it and how, and so is the same tomorrow and on another machine. `label` names it
    within its session, after the earliest trial that showed it: `F48`. `sentence` says in plain words what happens.
    `signature` holds the facts that most of its trials share, the most telling first. `faint` are those of its `trials`
    in which some requests showed it, but not the typical ones; `fewer_kinds` those in which fewer kinds of request
    failed than mostly do by it. `worst` is the trial that stands for the fault with the highest mean severity,
    `severity`. `frontier` are the smallest single faults that were measured to show it, those of the smallest's place
    first; `region` tells of single faults, where such show it. `replay` is the command that shows it again: its minimal
    fault where there is one, else its worst.
    """

    id: str = Field(pattern=r"^f-[0-9a-f]{8}$")
    label: str
    sentence: str
    signature: tuple[Fact, ...]
    worst: int = Field(ge=1)
    worst_plans: tuple[FaultPlan, ...]
    severity: float = Field(ge=0, le=10)
    trials: tuple[int, ...]
    faint: tuple[int, ...] = ()
    fewer_kinds: tuple[int, ...] = ()
    region: tuple[Bound, ...] = ()
    confirmation: Confirmation | None = None
    minimal: MinimalFault | None = None
    frontier: tuple[FrontierPoint, ...] = ()
    replay: str

    @property
    def stays_down(self) -> bool:
        """Whether the target does not come back from it by itself."""
        return is_for_good(self.signature)

    @property
    def verdict(self) -> Verdict | None:
        """None where nobody measured it again."""
        if self.stays_down:
            return Verdict.STAYS_DOWN
        return None if self.confirmation is None else self.confirmation.verdict

    @property
    def smallest(self) -> tuple[FaultPlan, ...]:
        """The smallest fault known, or where none was looked for the worst."""
        return self.worst_plans if self.minimal is None else self.minimal.plans

    @property
    def is_untraced(self) -> bool:
        """Whether only customers and logs tell of it, no call."""
        return bool(self.signature) and all(
            fact.kind in OUTCOMES and (fact.request is None or fact.kind is FactKind.WRONG) for fact in self.signature
        )

    def fails(self, fail_at: float) -> bool:
        """Whether a pipeline is to fail on it: as severe as that, and nobody measured it again in vain.

        What was only seen, or too seldom to be sure of, counts: more evidence for it must not let a pipeline pass.
        """
        return self.severity >= fail_at and self.verdict is not Verdict.INCONCLUSIVE


class Catalogue(Value):
    """All distinct failures of a session, the worst first.

    `controls` is the number of fault-free runs that confirmation was interleaved with, `false_alarms` how many of them
    would have counted as a failure of any kind. `harmless` trials showed nothing that the target does not do anyway;
    `delayed` ones are those of them that were as slow as the fault itself.
    """

    modes: tuple[FailureMode, ...] = ()
    harmless: int = Field(default=0, ge=0)
    delayed: int = Field(default=0, ge=0)
    controls: int = Field(default=0, ge=0)
    false_alarms: int = Field(default=0, ge=0)

    @property
    def examined(self) -> tuple[FailureMode, ...]:
        """Those that have a verdict; all, where none has."""
        return tuple(mode for mode in self.modes if mode.verdict is not None) or self.modes

    @property
    def surest_first(self) -> tuple[FailureMode, ...]:
        """The same, the surest first, and of those the worst."""
        order = [Verdict.STAYS_DOWN, *Verdict, None]
        return tuple(sorted(self.examined, key=lambda mode: order.index(mode.verdict)))

    @property
    def fails_by_itself(self) -> bool:
        """Whether so many fault-free runs looked like failures that what faults do is in doubt."""
        return self.false_alarms >= _FLAKY_RUNS and self.false_alarms >= _FLAKY_SHARE * self.controls

    @property
    def only_seen(self) -> tuple[FailureMode, ...]:
        """The others: the search met them, and the budget ended before they were measured again."""
        return tuple(mode for mode in self.modes if mode not in self.examined)

    def may_be_tried(self, mode: FailureMode) -> bool:
        """Whether none of its faults brought the target down for good: such are not tried again."""
        down = {number for each in self.modes if each.stays_down for number in each.trials}
        return not down.intersection(mode.trials)

    def mode_of(self, trial: int) -> FailureMode | None:
        """The failure that this trial showed."""
        return next((mode for mode in self.modes if trial in mode.trials), None)
