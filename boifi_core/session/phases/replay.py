"""Known failures, measured again before anything new is looked for."""

from __future__ import annotations

from boifi_core.models import Choice, Phase
from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.proposal import Proposal
from boifi_core.session.replays import REASON, is_of_known, replays_of
from boifi_core.session.session import Session


class Replay(SessionPhase):
    """What an earlier run of the session's campaign found; outside of the budget."""

    name = "replay"
    is_counted = False

    def propose(self, session: Session) -> Proposal | None:
        """The first measurement that was not made yet.

        Raises:
            SessionDamaged: the file that lists them cannot be read.
        """
        wanted = replays_of(session.folder)
        made = sum(map(is_of_known, session.trials))
        if made >= len(wanted):
            return None
        replay = wanted[made]
        plans = [plan.model_copy(update={"duration_seconds": None}) for plan in replay.plans]
        return Proposal(replay.point, session.as_sent(plans), Phase.REPLAY, why=Choice(reason=REASON))
