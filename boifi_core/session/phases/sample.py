"""Free draws: faults drawn by chance alone, which tell how much is left and what the search is worth."""

from __future__ import annotations

import math

import numpy as np

from boifi_core.findings import SAMPLE
from boifi_core.findings.residual import risk_of_one_look, upper_limit
from boifi_core.models import Choice, Point
from boifi_core.session.events import Note
from boifi_core.session.phases.base import Observe, SessionPhase
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from boifi_core.space import SearchSpace

_STREAM = 5
"""A random stream of its own, beside those of the search."""

_DRAWN = 512
"""So many points are drawn for the first that the guardrails allow."""


class Sample(SessionPhase):
    """Spread over the search's share. They are trials like its own to the search: the first count as initial ones."""

    name = "sample"

    def prepare(self, session: Session, observe: Observe) -> None:
        """Say so where there are too few of them for the limit that the session is to end on."""
        least, draws = session.config.stop_when.new_failure_below, session.budget.sample
        if least is not None and upper_limit(0, draws, risk_of_one_look(0)) >= least:
            text = f"stop_when.new_failure_below {least:g} takes at least {draws_for(least)} free draws, not {draws}"
            session.tell(Note(session.session_id, text, is_warning=True))

    def skipped(self, session: Session) -> str | None:
        """See `SessionPhase`."""
        share, budget = session.config.sample.share, session.budget
        if budget.sample or not share:
            return None
        if share * budget.total < 1:
            return budget.why_none("sample.share", share)
        return "what the search keeps leaves no trial for it"

    def propose(self, session: Session) -> Proposal | None:
        """The next free draw, where one is due."""
        if not session.budget.is_draw_due or session.is_searched_out or little_left(session):
            return None
        point = free_draw(session.optimizer.space, session.optimizer.random_state, session.budget.drawn)
        return Proposal(point, session.plans_for(point), session.optimizer.phase, why=Choice(reason=SAMPLE))


def free_draw(space: SearchSpace, seed: int, number: int) -> Point:
    """A point drawn uniformly from those that the space allows, the `number`-th; it may have been tried before."""
    rng = np.random.default_rng([seed, number, 0, _STREAM])
    return space.points(space.sample_rows(rng, _DRAWN)[:1])[0]


def draws_for(limit: float) -> int:
    """How many free draws without a new failure bring the limit below this one."""
    return math.floor(math.log(risk_of_one_look(0)) / math.log1p(-limit)) + 1


def little_left(session: Session) -> str | None:
    """Why the session need not look for more failures, where `stop_when` asks for that."""
    least = session.config.stop_when.new_failure_below
    if least is None or (left := session.left) is None or left.upper >= least:
        return None
    # Rounded down, so that it is below the threshold as it is read too.
    shown = math.floor(left.upper * 1000) / 1000
    return (
        f"the chance that a free draw shows a failure not seen yet is at most {shown:g} (at {left.level * 100:g} %), "
        f"below stop_when.new_failure_below {least:g}"
    )
