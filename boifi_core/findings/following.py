"""What a session tries after its search: each failure again, and smaller faults that show it too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from boifi_core.findings.minimal import Plans, Question, question
from boifi_core.findings.models import MINIMISE, VERIFY, Catalogue, FailureMode, Verdict
from boifi_core.findings.region import Dimension
from boifi_core.history.readings import rankable
from boifi_core.models import Trial

_TELLS = 2
"""Readings of which none shows a failure are enough to leave it."""

_READINGS, _PAIRS, _ALONE = 2, 8, 4
"""Two readings confirm a failure beside eight clean fault-free runs; four do beside the four of its own."""

_WHOLE = 10
"""What one failure takes as a rule: two readings, and six to eight smaller faults."""

_WORTH = 9
"""With fewer trials left, no further failure is begun: it would stay half known, and the search can use them."""


@dataclass(frozen=True)
class Wanted:
    """A trial that is to be made.

    Attributes:
        of: the trial whose failure is looked for.
        plans: the faults to inject.
        reason: `VERIFY` or `MINIMISE`.
    """

    of: Trial
    plans: Plans
    reason: str


@dataclass(frozen=True)
class Budget:
    """How many trials may follow the search: what one of the two does not need is the other's.

    Attributes:
        confirm, minimise: 0 leaves it out.
        readings: of one failure, at most.
    """

    confirm: int
    minimise: int
    readings: int

    @property
    def at_once(self) -> int:
        """How many failures it is likely to do for."""
        if self.minimise:
            return max(1, (self.confirm + self.minimise) // _WHOLE)
        return self.confirm // _READINGS if self.confirm >= _PAIRS else max(1, self.confirm // _ALONE)


def following(
    found: Catalogue,
    trials: Sequence[Trial],
    budget: Budget,
    dimensions: Sequence[Dimension],
    is_allowed: Callable[[Plans], bool],
) -> Wanted | None:
    """The next trial; None where all is said, or the budget spent.

    The worst failures come first, as many as the budget is likely to do for, so that what is told of each is whole:
    they are measured again in turn, which makes the fault-free runs between them serve all, and each that is confirmed
    is made smaller. What that leaves goes to the next worst.

    Args:
        is_allowed: whether the guardrails let these faults be injected.
    """
    left = budget.confirm + budget.minimise - _made(trials)
    if left <= 0:
        return None
    by_number = {trial.trial: trial for trial in trials}
    modes = [mode for mode in found.modes if is_allowed(mode.worst_plans)] if budget.confirm else []
    there = [mode for mode in modes if not _is_gone(mode)]
    # What was begun is ended, though worse failures than it came up meanwhile.
    chosen = [mode for place, mode in enumerate(there) if place < budget.at_once or mode.confirmation is not None]
    waiting = [mode for mode in chosen if not _is_decided(mode, budget.readings)]
    if waiting:
        return _again(min(waiting, key=_n_readings), trials, by_number)
    smaller = _smaller(found, trials, budget, dimensions, is_allowed) if budget.minimise else None
    if smaller is not None:
        return Wanted(by_number[smaller.start], smaller.plans, MINIMISE)
    fresh = [mode for mode in modes if mode.confirmation is None]
    is_worth_it = left >= (_WORTH if budget.minimise else 1)
    return _again(fresh[0], trials, by_number) if fresh and is_worth_it else None


def _again(mode: FailureMode, trials: Sequence[Trial], by_number: Mapping[int, Trial]) -> Wanted:
    of = by_number[_verified(mode, trials) or mode.worst]
    return Wanted(of, of.plans, VERIFY)


def _smaller(
    found: Catalogue,
    trials: Sequence[Trial],
    budget: Budget,
    dimensions: Sequence[Dimension],
    is_allowed: Callable[[Plans], bool],
) -> Question | None:
    """The next smaller fault to try, of the worst failure that has one; only confirmed ones, where any are to be."""
    scored = rankable(trials)
    home = {number: mode.id for mode in found.modes for number in mode.trials}
    questions = (
        question(mode, scored, home, dimensions)
        for mode in found.modes
        if mode.verdict is Verdict.CONFIRMED or not budget.confirm
    )
    return next((asked for asked in questions if asked is not None and is_allowed(asked.plans)), None)


def _made(trials: Sequence[Trial]) -> int:
    return sum(trial.why is not None and trial.why.reason in (VERIFY, MINIMISE) for trial in trials)


def _n_readings(mode: FailureMode) -> int:
    return 0 if mode.confirmation is None else len(mode.confirmation.readings)


def _is_gone(mode: FailureMode) -> bool:
    """Whether it did not show again, and makes room for another."""
    sure = mode.confirmation
    return sure is not None and len(sure.readings) >= _TELLS and sure.shown == 0


def _is_decided(mode: FailureMode, readings: int) -> bool:
    sure = mode.confirmation
    return sure is not None and (sure.verdict is Verdict.CONFIRMED or len(sure.readings) >= readings)


def _verified(mode: FailureMode, trials: Sequence[Trial]) -> int | None:
    """The trial that this failure was measured again by until now: its fault stays the one that is measured."""
    verified = (t.why.nearest[0].trial for t in trials if t.why and t.why.reason == VERIFY and t.why.nearest)
    return next((number for number in verified if number in mode.trials), None)
