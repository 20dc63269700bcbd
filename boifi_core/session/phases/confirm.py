"""Each failure that the search found, measured again beside fault-free runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from boifi_core.findings import VERIFY, FailureMode, Verdict
from boifi_core.models import Choice, Near, Phase, Trial
from boifi_core.session.budget import Budget
from boifi_core.session.healing import hold_s
from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session

_TELLS = 2
"""Readings of which none shows a failure are enough to leave it."""

_READINGS, _PAIRS, _ALONE = 2, 8, 4
"""Two readings confirm a failure beside eight clean fault-free runs; four do beside the four of its own."""

_CONFIRMED = 2 / 3
"""Of the trials for both, so many go into readings before any into smaller faults: that a failure is there comes before
how little brings it about."""

_BORROWED = 2
"""But no more than so many times its own share, so that who wants smaller faults rather than readings may have them."""

_AGAIN = 0.8
"""What a further failure of one place is worth beside the one before, so that each place has its turn."""

_WORTH = 9
"""With fewer trials left, no further failure is begun: it would stay half known, and the search can use them."""


class Confirm(SessionPhase):
    """The worst failures first, as many as the budget is likely to do for, and rather of other places than of one.

    They are measured again in turn, which makes the fault-free runs between them serve all.
    """

    name = "confirm"

    def skipped(self, session: Session) -> str | None:
        """See `SessionPhase`."""
        share = session.config.confirm.share
        return None if session.budget.confirm else session.budget.why_none("confirm.share", share)

    def propose(self, session: Session) -> Proposal | None:
        """The next reading of a failure that is not decided; what was begun is ended, whatever came up meanwhile."""
        if session.budget.left_to_follow_up <= 0:
            return None
        there = [mode for mode in _allowed(session) if not _is_gone(mode)]
        most = failures_at_once(session.budget)
        chosen = [mode for place, mode in enumerate(there) if place < most or mode.confirmation is not None]
        waiting = [mode for mode in chosen if not _is_decided(mode, session.config.confirm.readings)]
        return _again(session, min(waiting, key=_n_readings)) if waiting else None

    def propose_more(self, session: Session) -> Proposal | None:
        """The next worst failure, which nobody has measured again yet."""
        is_shared = session.budget.minimise and not session.is_searched_out
        if session.budget.left_to_follow_up < (_WORTH if is_shared else 1):
            return None
        fresh = next((mode for mode in _allowed(session) if mode.confirmation is None), None)
        return None if fresh is None else _again(session, fresh)


def failures_at_once(budget: Budget) -> int:
    """How many failures the budget is likely to do for."""
    borrowed = min(_BORROWED * budget.confirm, int(_CONFIRMED * (budget.confirm + budget.minimise)))
    readings = max(budget.confirm, borrowed)
    return readings // _READINGS if readings >= _PAIRS else max(1, readings // _ALONE)


def _allowed(session: Session) -> list[FailureMode]:
    """The failures that may be measured again: the guardrails let their worst fault be injected."""
    if not session.budget.confirm:
        return []
    found = session.found
    tried = [mode for mode in found.modes if found.may_be_tried(mode) and session.is_allowed(mode.worst_plans)]
    return in_turn(tried)


def in_turn(modes: Sequence[FailureMode]) -> list[FailureMode]:
    """Failures in the order in which they are measured again; given are they the worst first."""
    at: Counter[str] = Counter()
    worth = []
    for mode in modes:
        place = _place(mode)
        worth.append(mode.severity * _AGAIN ** at[place])
        at[place] += 1
    return [mode for _, mode in sorted(zip(worth, modes, strict=True), key=lambda each: -each[0])]


def _place(mode: FailureMode) -> str:
    """Which service, or call, it began at; its first fact where nothing tells."""
    began = next((fact for fact in mode.signature if fact.began), None)
    first = began or next(iter(mode.signature), None)
    return "" if first is None else first.between[1]


def _again(session: Session, mode: FailureMode) -> Proposal:
    by_number = {trial.trial: trial for trial in session.trials}
    of = by_number[_verified(mode, session.trials) or mode.worst]
    # A fault that is not that of its point teaches the model nothing.
    phase = Phase.MINIMISE if of.phase in (Phase.MINIMISE, Phase.REPLAY) else Phase.CONFIRM
    why = Choice(reason=VERIFY, nearest=(Near(trial=of.trial, severity=of.severity or 0.0),))
    held = hold_s(mode, session.config.recovery.hold_s)
    return Proposal(of.point, session.as_sent(of.plans), phase, why=why, wants_control=True, hold_s=held)


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
