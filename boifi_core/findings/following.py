"""What a session tries after its search: each failure again, and smaller faults that show it too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from boifi_core.findings.minimal import Plans, question
from boifi_core.findings.models import MINIMISE, VERIFY, Catalogue, FailureMode, Verdict
from boifi_core.findings.region import Dimension
from boifi_core.models import Phase, Trial
from boifi_core.readings import rankable

_TELLS = 2
"""Readings of which none shows a failure are enough to leave it."""

_PAIRS, _ALONE = 8, 4
"""Two readings confirm a failure beside eight clean fault-free runs; four do beside the four of its own."""


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


def confirming(
    found: Catalogue, trials: Sequence[Trial], budget: int, readings: int, is_allowed: Callable[[Plans], bool]
) -> Wanted | None:
    """The next failure to measure again; None where all is said, or the budget spent.

    The worst failures come first, as many as can be confirmed with the budget, each in turn: so the fault-free runs
    between them serve all. One that is decided makes room for the next.

    Args:
        budget: trials in all.
        readings: of one failure, at most.
        is_allowed: whether the guardrails let these faults be injected.
    """
    left = budget - _made(trials, VERIFY)
    if left <= 0:
        return None
    by_number = {trial.trial: trial for trial in trials}
    modes = [mode for mode in found.modes if _was_searched(by_number[mode.worst]) and is_allowed(mode.worst_plans)]
    begun = [mode for mode in modes if mode.confirmation is not None]
    fresh = [mode for mode in modes if mode.confirmation is None]
    chosen = [*begun, *fresh[: max(0, _at_once(budget) - len(begun))]]
    waiting = [mode for mode in chosen if not _is_decided(mode, readings)] or fresh[:1]
    mode = min(waiting, key=lambda mode: (_n_readings(mode), modes.index(mode)), default=None)
    if mode is None:
        return None
    of = by_number[_verified(mode, trials) or mode.worst]
    return Wanted(of, of.plans, VERIFY)


def minimising(
    found: Catalogue,
    trials: Sequence[Trial],
    budget: int,
    dimensions: Sequence[Dimension],
    is_allowed: Callable[[Plans], bool],
    *,
    only_confirmed: bool,
) -> Wanted | None:
    """The next smaller fault to try; None where the smallest are known, or the budget spent.

    Args:
        budget: trials in all.
        is_allowed: whether the guardrails let these faults be injected.
        only_confirmed: leave failures alone that were not confirmed.
    """
    if budget - _made(trials, MINIMISE) <= 0:
        return None
    by_number = {trial.trial: trial for trial in trials}
    scored = rankable(trials)
    home = {number: mode.id for mode in found.modes for number in mode.trials}
    asked = [
        (asked.stage, place, asked)
        for place, mode in enumerate(found.modes)
        if mode.verdict is Verdict.CONFIRMED or not only_confirmed
        if (asked := question(mode, scored, home, dimensions)) is not None and is_allowed(asked.plans)
    ]
    if not asked:
        return None
    first = min(asked, key=lambda each: each[:2])[2]
    return Wanted(by_number[first.start], first.plans, MINIMISE)


def _at_once(budget: int) -> int:
    """How many failures are measured in turn."""
    return budget // 2 if budget >= _PAIRS else max(1, budget // _ALONE)


def _made(trials: Sequence[Trial], reason: str) -> int:
    return sum(trial.why is not None and trial.why.reason == reason for trial in trials)


def _was_searched(trial: Trial) -> bool:
    return trial.phase not in (Phase.MINIMISE, Phase.REPLAY)


def _n_readings(mode: FailureMode) -> int:
    return 0 if mode.confirmation is None else len(mode.confirmation.readings)


def _is_decided(mode: FailureMode, readings: int) -> bool:
    sure = mode.confirmation
    if sure is None:
        return False
    never = len(sure.readings) >= _TELLS and sure.shown == 0
    return sure.verdict is Verdict.CONFIRMED or never or len(sure.readings) >= readings


def _verified(mode: FailureMode, trials: Sequence[Trial]) -> int | None:
    """The trial that this failure was measured again by until now: its fault stays the one that is measured."""
    verified = (t.why.nearest[0].trial for t in trials if t.why and t.why.reason == VERIFY and t.why.nearest)
    return next((number for number in verified if number in mode.trials), None)
