"""A phase that is no part of the product: the session's first fault once more, when the search has had its share."""

from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.proposal import Proposal


class OnceMore(SessionPhase):
    name = "once_more"

    def skipped(self, session):
        return "one trial is not enough" if session.budget.total < 2 else None

    def propose(self, session):
        if any(trial.phase == self.name for trial in session.trials):
            return None
        first = session.trials[0]
        return Proposal(first.point, session.as_sent(session.config.search_space.plans(first.point)), self.name)
