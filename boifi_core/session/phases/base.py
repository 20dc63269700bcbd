"""What every phase of a session promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from boifi_core.models import RawObservation
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session

Observe = Callable[[str], RawObservation]
"""Brings an observation of the target without a fault; told what it is for."""


class SessionPhase:
    """A phase: what it does before the first trial, and which trial it would make next.

    What it proposes follows from the session's history alone, so that a session that was killed goes on where it was.

    Attributes:
        name: what people call it.
        is_counted: whether its trials count in `total_trials`; they are asked for only as long as any are left.
        over: why it has nothing more to propose though trials are left; None as long as it may have.
    """

    name: ClassVar[str]
    is_counted: ClassVar[bool] = True
    over: str | None = None

    def prepare(self, session: Session, observe: Observe) -> None:
        """Do what has to be done before the session's first trial, each time that it is run.

        Raises:
            BoifiError: the session cannot begin, and why.
        """

    def skipped(self, session: Session) -> str | None:
        """Why the session goes without this phase; None where it does not, or where that is not worth a word."""
        return None

    def missed(self, session: Session) -> str | None:
        """What it had no trials for, where its share is used up; None where it did all, or there is no such thing."""
        return None

    def propose(self, session: Session) -> Proposal | None:
        """The next trial of this phase's own share of the budget; None where it has none to make."""
        return None

    def propose_more(self, session: Session) -> Proposal | None:
        """The next trial where every phase has had its share; asked of the last phase first."""
        return None
