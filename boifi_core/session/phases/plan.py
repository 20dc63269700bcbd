"""The plan of a session: its phases in order, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from boifi_core.errors import counted
from boifi_core.session.phases.base import Observe, SessionPhase
from boifi_core.session.phases.baseline import Baseline
from boifi_core.session.phases.confirm import Confirm
from boifi_core.session.phases.minimise import Minimise
from boifi_core.session.phases.replay import Replay
from boifi_core.session.phases.sample import Sample
from boifi_core.session.phases.screen import Screen
from boifi_core.session.phases.search import Search
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session

PHASES: list[type[SessionPhase]] = [Baseline, Replay, Sample, Screen, Search, Confirm, Minimise]
"""All phases, in their order."""


class Plan:
    """The phases of one run of a session.

    The first that has something to propose has its turn. When every phase has had its share, what is left of the budget
    goes back through them: more failures are confirmed, then the search goes on.
    """

    def __init__(self, phases: Sequence[type[SessionPhase]] | None = None) -> None:
        self.phases = [kind() for kind in (PHASES if phases is None else phases)]

    def prepare(self, session: Session, observe: Observe) -> None:
        """What the phases do before the first trial.

        Raises:
            BoifiError: the session cannot begin, and why.
        """
        for phase in self.phases:
            phase.prepare(session, observe)

    def next(self, session: Session) -> Proposal | None:
        """The next trial; None where the session is over, see `over`."""
        was_searched_out = session.is_searched_out
        offer = self._offer(session)
        if offer is None and session.is_searched_out and not was_searched_out:
            return self._offer(session)  # what the search has left over is for the others now
        return offer

    def _offer(self, session: Session) -> Proposal | None:
        asked = [phase for phase in self.phases if session.budget.left > 0 or not phase.is_counted]
        offers = (phase.propose(session) for phase in asked)
        more = (phase.propose_more(session) for phase in reversed(asked))
        return next((offer for offer in chain(offers, more) if offer is not None), None)

    def over(self, session: Session) -> str:
        """Why there are no more trials."""
        if session.budget.left <= 0:
            return all_made(session)
        return next((phase.over for phase in self.phases if phase.over), "nothing is left to try")

    def remarks(self, session: Session) -> Iterator[tuple[str, str]]:
        """Of each phase that the session goes without, or that is over before it did all: its name, and why."""
        for phase in self.phases:
            if why := phase.skipped(session):
                yield phase.name, f"left out: {why}"
            elif phase.over:
                yield phase.name, f"over early: {phase.over}"
            elif missed := phase.missed(session):
                yield phase.name, f"over: {missed}"


def all_made(session: Session) -> str:
    """Why a session is over that has used its budget."""
    return f"all {counted(session.budget.total, 'trial')} made"
