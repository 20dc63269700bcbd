"""The screen: each call broken in each of the few ways that there are, before anything is searched."""

from __future__ import annotations

from boifi_core.models import Choice, Phase
from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session


class Screen(SessionPhase):
    """The cell that may hurt most and is least like those that were tried; what these reveal among them."""

    name = "screen"

    def skipped(self, session: Session) -> str | None:
        """See `SessionPhase`."""
        share, budget = session.config.screen.share, session.budget
        if budget.screen or not share:
            return None
        if share * budget.total < 1:
            return budget.why_none("screen.share", share)
        return "what the search keeps leaves no trial for it"

    def propose(self, session: Session) -> Proposal | None:
        """The next fault to screen, as long as the screen's share lasts."""
        if session.budget.left_to_screen <= 0 or session.is_searched_out or session.leads.are_few:
            return None
        lead = session.leads.best(session.trials)
        if lead is None:
            return None
        return Proposal(lead.point, session.plans_for(lead.point), Phase.SCREEN, why=Choice(reason=lead.reason))
