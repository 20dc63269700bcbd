"""The screen: each call broken in each of the few ways that there are, before anything is searched."""

from __future__ import annotations

from boifi_core.errors import listed
from boifi_core.models import Choice, Phase
from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session

_NAMED = 6
"""So many of the cells that were not tried are named."""


class Screen(SessionPhase):
    """The cell that may hurt most and is least like those that were tried; what these reveal among them."""

    name = "screen"
    _missed: tuple[int, str | None] | None = None

    def skipped(self, session: Session) -> str | None:
        """See `SessionPhase`."""
        share, budget = session.config.screen.share, session.budget
        if not share:
            return None
        if budget.screen:
            # Before the first trial it is not known yet what is normal, and so not what there is to screen.
            is_few = bool(session.trials) and session.leads.are_few
            return "the space has hardly any categories" if is_few else None
        if share * budget.total < 1:
            return budget.why_none("screen.share", share)
        return "what the search keeps leaves no trial for it"

    def missed(self, session: Session) -> str | None:
        """See `SessionPhase`: the cells that no trial of its share was left for."""
        screened = [place for place, trial in enumerate(session.trials, 1) if trial.phase == Phase.SCREEN]
        if not screened or session.budget.left_to_screen > 0:
            return None
        if self._missed is None or self._missed[0] != screened[-1]:
            # What was tried later, by the search, is not this phase's; so it is said once and stays.
            untried, n_cells = session.leads.untried(session.trials[: screened[-1]])
            said = f"{n_cells - len(untried)} of {n_cells} cells tried, left to the search: {listed(untried, _NAMED)}"
            self._missed = screened[-1], said if untried else None
        return self._missed[1]

    def propose(self, session: Session) -> Proposal | None:
        """The next fault to screen, as long as the screen's share lasts."""
        if session.budget.left_to_screen <= 0 or session.is_searched_out or session.leads.are_few:
            return None
        lead = session.leads.best(session.trials)
        if lead is None:
            return None
        return Proposal(lead.point, session.plans_for(lead.point), Phase.SCREEN, why=Choice(reason=lead.reason))
