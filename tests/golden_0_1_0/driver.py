"""The only file here that knows the program from inside: a whole session, without a clock, a network or Prefect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from boifi_core import trial as steps
from boifi_core.config import parse_session
from boifi_core.errors import SpaceExhausted
from boifi_core.models import Control, FaultPlan, RawObservation, Trial, TrialStatus
from boifi_core.session import Session, make_session, open_session

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

Respond = Callable[[Sequence[FaultPlan]], dict[str, Any]]


def trials(session_file: dict[str, Any], session_id: str, data: Path, respond: Respond) -> Iterator[Trial]:
    """All trials of a session of a target that is computed; it lies in `data` then."""
    folder = make_session(data, parse_session(session_file), session_id=session_id)
    with open_session(folder) as session:
        healthy = RawObservation(**respond(()), timestamp=NOON)
        session.learn_baseline([healthy] * session.config.baseline_observations)
        session.keep_baseline()
        while session.budget_used < session.config.total_trials:
            if not session.is_searched and session.too_little_to_gain():
                session.is_searched = True
            if session.is_searched and session.follow_up() is None:
                return
            try:
                yield _made(session, respond)
            except SpaceExhausted:
                return


def _made(session: Session, respond: Respond) -> Trial:
    proposal = steps.propose(session)
    control = None
    if proposal.wants_control:
        observation = RawObservation(**respond(()), timestamp=NOON)
        control = Control(observation=observation, severity=session.severity(observation))
    observation = RawObservation(**respond(proposal.plans), timestamp=NOON)
    draft = Trial(
        session_id=session.session_id,
        trial=session.next_number,
        status=TrialStatus.SCORED,
        phase=proposal.phase,
        started_at=NOON,
        finished_at=NOON,
        point=proposal.point,
        plans=proposal.plans,
        observation=observation,
        score=steps.score(session, observation),
        predicted_mean=proposal.predicted_mean,
        predicted_std=proposal.predicted_std,
        why=proposal.why,
        control=control,
    )
    return steps.record(session, draft)
