"""Smaller faults that show the same failure."""

from __future__ import annotations

from boifi_core.findings import MINIMISE, Verdict
from boifi_core.findings.minimal import question
from boifi_core.history.readings import rankable
from boifi_core.models import Choice, Near, Phase
from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session


class Minimise(SessionPhase):
    """Of the worst failure whose smallest fault is not known; only of confirmed ones, where any are to be."""

    name = "minimise"

    def skipped(self, session: Session) -> str | None:
        """See `SessionPhase`."""
        share = session.config.minimise.share
        return None if session.budget.minimise else session.budget.why_none("minimise.share", share)

    def propose(self, session: Session) -> Proposal | None:
        """The next smaller fault that the guardrails let be injected."""
        budget = session.budget
        if not budget.minimise or budget.left_to_follow_up <= 0:
            return None
        scored = rankable(session.trials)
        home = {number: mode.label for mode in session.found.modes for number in mode.trials}
        dimensions = session.config.search_space.dimensions
        questions = (
            question(mode, scored, home, dimensions)
            for mode in session.found.modes
            if (mode.verdict is Verdict.CONFIRMED or not budget.confirm) and session.found.may_be_tried(mode)
        )
        asked = next((each for each in questions if each is not None and session.is_allowed(each.plans)), None)
        if asked is None:
            return None
        start = next(trial for trial in session.trials if trial.trial == asked.start)
        why = Choice(reason=MINIMISE, nearest=(Near(trial=start.trial, severity=start.severity or 0.0),))
        return Proposal(start.point, session.as_sent(asked.plans), Phase.MINIMISE, why=why)
