"""What has to become of a session's flow run, by what Prefect says, what the session's folder says, and who lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from prefect.client.schemas.objects import StateType

from boifi_core.models import ENDED, SessionState, SessionStatus
from flows.words import message_in_words

MAX_DEATHS = 3
"""How often a session's process may die without a new trial in between; then the session has failed."""

AHEAD_S = 120.0
"""Further ahead than this no session's run is ever to start, seconds: then the clock was set back since it was made."""

STARTING_S = 30.0
"""How long a run that nobody holds may be one that is just being started, or just ending; seconds."""


class Act(StrEnum):
    """What to do about a flow run."""

    LEAVE = "leave"
    RUN_AGAIN = "run again"
    END_SESSION = "end session"
    TELL_PREFECT = "tell prefect"


@dataclass(frozen=True)
class Decision:
    """What to do, and with END_SESSION, why and as what."""

    act: Act
    reason: str = ""
    status: SessionStatus = SessionStatus.FAILED


@dataclass(frozen=True)
class Seen:
    """A flow run and its session at one moment.

    Attributes:
        prefect: the flow run's state, with its message.
        in_state_s: how long it has been in that state, seconds.
        session: the session's latest state; None before its first, and where that is lost.
        is_held: whether a process runs the session.
        is_over: whether the run's process is known to have ended.
        deaths: how often its process died since its last new trial, this time included.
        pending_s: how long it may be PENDING before it counts as lost, seconds.
        starts_in_s: when it is to start, by Prefect, seconds from now.
        is_state_lost: whether the session has made trials, though it has no state.
    """

    prefect: StateType
    message: str
    in_state_s: float
    session: SessionState | None
    is_held: bool
    is_over: bool
    deaths: int
    pending_s: float = STARTING_S
    starts_in_s: float = 0.0
    is_state_lost: bool = False


def is_final(session: SessionState | None) -> bool:
    """Whether the session has come to its end."""
    return session is not None and session.status in ENDED


def decide(seen: Seen) -> Decision:
    """What to do about this flow run."""
    why = message_in_words(seen.message)
    if not seen.is_held and seen.prefect is StateType.SCHEDULED and seen.starts_in_s > AHEAD_S:
        return Decision(Act.RUN_AGAIN)
    if seen.is_held or seen.prefect in (StateType.SCHEDULED, StateType.PAUSED):
        return Decision(Act.LEAVE)
    if is_final(seen.session):
        is_told = seen.prefect in (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)
        return Decision(Act.LEAVE if is_told or _may_still_move(seen) else Act.TELL_PREFECT)
    if seen.prefect in (StateType.CANCELLED, StateType.CANCELLING):
        return Decision(Act.END_SESSION, "cancelled")
    if seen.prefect is StateType.COMPLETED and seen.is_state_lost:
        return Decision(Act.END_SESSION, seen.message, SessionStatus.COMPLETED)
    if seen.prefect in (StateType.COMPLETED, StateType.FAILED):
        return Decision(Act.END_SESSION, why or f"its flow run ended {seen.prefect.value} by another's hand")
    if _may_still_move(seen):
        return Decision(Act.LEAVE)
    if seen.deaths > MAX_DEATHS:
        return Decision(Act.END_SESSION, f"its process died {seen.deaths} times without a new trial: {why}")
    return Decision(Act.RUN_AGAIN)


def _may_still_move(seen: Seen) -> bool:
    is_live = seen.prefect in (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
    allowed_s = seen.pending_s if seen.prefect is StateType.PENDING else STARTING_S
    return is_live and not seen.is_over and seen.in_state_s < allowed_s


def in_state_s(since: datetime) -> float:
    """How long a run has been in a state since this moment, by Prefect's clock, seconds."""
    # One that lies ahead is of before somebody set the clock back: it is old, not new.
    return abs((datetime.now(UTC) - since).total_seconds())
