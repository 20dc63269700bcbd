"""The search: the optimizer's next point."""

from __future__ import annotations

import math

from boifi_core.errors import SpaceExhausted, counted
from boifi_core.models import Choice, Near, Phase
from boifi_core.optimizer import OptimizerCore, Why
from boifi_core.session.learning import searched
from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.phases.sample import little_left
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from boifi_core.session.turns import NOVEL, is_for_something_new
from boifi_core.session.warm_start import training_score

EVERY_POINT = "every point of the search space was tried"
"""Why a search is over that has nothing left to try."""


class Search(SessionPhase):
    """Its first trials are `initial`; what no other phase needs of the budget is the search's too."""

    name = "search"

    def propose(self, session: Session) -> Proposal | None:
        """The optimizer's next point, as long as the search's share lasts."""
        if self.over is None:
            self.over = _too_little_to_gain(session) or little_left(session)
        return self._next(session) if session.budget.left_to_search > 0 else None

    def propose_more(self, session: Session) -> Proposal | None:
        """The optimizer's next point, as long as there are trials."""
        return self._next(session)

    def _next(self, session: Session) -> Proposal | None:
        if self.over is not None:
            return None
        try:
            return _chosen(session)
        except SpaceExhausted:
            self.over = EVERY_POINT
            session.is_searched_out = True
            return None


def _too_little_to_gain(session: Session) -> str | None:
    """Why the rest of the budget is not worth its trials, where `stop_below` asks for that."""
    least, left = session.config.optimizer.stop_below, session.budget.left
    if least is None or session.optimizer.phase == "initial":
        return None
    gain = session.optimizer.expected_gain(left)
    if gain >= least:
        return None
    # Rounded down, so that it is below the threshold as it is read too.
    shown = math.floor(gain * 100) / 100
    return f"expected gain of the {counted(left, 'trial')} left is {shown:.2f}, below stop_below {least:g}"


def _chosen(session: Session) -> Proposal:
    """The optimizer's next point; a session has one trial at a time, so what was pending is none."""
    if session.novel is not None and session.optimizer.phase == "search" and _is_for_something_new(session):
        return _novel(session, session.novel)
    optimizer = session.optimizer
    optimizer.withdraw()
    phase: str = optimizer.phase
    point = optimizer.propose()
    why = optimizer.why(point) or Why("remaining")
    if why.reason == "confirm":
        phase = Phase.CONFIRM
    return Proposal(point, session.plans_for(point), phase, why.mean, why.std, _choice(session, why))


def _is_for_something_new(session: Session) -> bool:
    return is_for_something_new(session.trials, session.found)


def _novel(session: Session, optimizer: OptimizerCore) -> Proposal:
    lead = None if session.leads.are_few else session.leads.best(session.trials)
    if lead is not None:
        mean, std = (float(part[0]) for part in session.optimizer.predict([lead.point]))
        return Proposal(lead.point, session.plans_for(lead.point), Phase.SEARCH, mean, std, Choice(reason=NOVEL))
    optimizer.withdraw()
    point = optimizer.propose()
    why = optimizer.why(point) or Why("remaining")
    mean, std = (float(part[0]) for part in session.optimizer.predict([point]))
    return Proposal(point, session.plans_for(point), Phase.SEARCH, mean, std, _choice(session, why, NOVEL))


def _choice(session: Session, why: Why, reason: str | None = None) -> Choice:
    """What was behind a proposal, with the numbers of the trials that it names."""
    learnt = [trial for trial in searched(session.trials) if training_score(trial) is not None]
    named = [learnt[tried.place] for tried in why.nearest]
    near = tuple(Near(trial=trial.trial, severity=trial.severity or 0.0) for trial in named)
    return Choice(reason=reason or why.reason, promise=why.promise, nearest=near)
