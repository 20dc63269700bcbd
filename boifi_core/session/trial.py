"""A trial's steps once it is proposed, plainly: apply, observe, score, record."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from boifi_core.errors import ExecutorBadAnswer, ExecutorTimedOut
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import RawObservation, SeverityScore, Trial, TrialStatus
from boifi_core.safety.pauses import awake_s
from boifi_core.safety.policies import CALL_TIMEOUT_S
from boifi_core.session.events import Note
from boifi_core.session.session import Session

TRACES = "traces: "
"""Reasons for which an observation is degraded begin so where they are about traces."""

_NUMBER = re.compile(r"\b\d+\b")


def apply(session: Session, names: Sequence[str], plans: Sequence[FaultPlan]) -> None:
    """Put all plans of a trial in force."""
    session.tries += 1
    timeout_s = min(CALL_TIMEOUT_S, session.config.executor.timeout_s)
    for name, plan in zip(names, plans, strict=True):
        session.injector.apply(name, plan, timeout_s=timeout_s)


def observe(session: Session, newer_than: datetime, deadline: float) -> RawObservation:
    """One observation newer than `newer_than`, by `deadline` (of `time.monotonic`).

    Raises:
        ExecutorError: there is none, or one of which nothing can be read: that must not pass for a healthy target.
    """
    session.tries += 1
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise ObservationTimedOut(f"no observation within {session.config.executor.timeout_s:g} s")
    try:
        seen = session.observer.observe(newer_than=newer_than, timeout_s=left_s)
    except ExecutorTimedOut as error:
        if time.monotonic() < deadline:
            raise
        raise ObservationTimedOut(str(error)) from error
    if seen.tells_nothing:
        raise ExecutorBadAnswer(
            f"nothing of what was observed could be read: {'; '.join(seen.degraded) or 'it is empty'}"
        )
    for text in session.observer.news():
        session.tell(Note(session.session_id, text))
    _tell_of_thin_traces(session, seen)
    return seen


def _tell_of_thin_traces(session: Session, seen: RawObservation) -> None:
    """Of each way in which traces are not whole once, as soon as it is seen."""
    for reason in seen.degraded:
        if reason.startswith(TRACES) and (way := without_numbers(reason)) not in session.told_of_traces:
            session.told_of_traces.add(way)
            session.tell(Note(session.session_id, reason, is_warning=True))


def without_numbers(reason: str) -> str:
    """A reason as it is alike whatever is counted in it."""
    return _NUMBER.sub("…", reason)


class ObservationTimedOut(ExecutorTimedOut):
    """The trial's time for an observation is over: it is skipped, not tried again."""

    safe_to_retry = False


def score(session: Session, observation: RawObservation) -> SeverityScore:
    """By what is normal, as the session's start and the fault-free windows between its trials so far tell."""
    return session.analyzer.calculate_severity(observation, session.evidence.after(session.trials).normal)


def record(session: Session, draft: Trial) -> Trial:
    """Let the model learn from the trial, then write it; the trial returned says how long the learning took."""
    started = awake_s()
    session.learn(draft)
    record_ms = (awake_s() - started) * 1000
    trial = draft.model_copy(
        update={
            "durations": draft.durations.model_copy(update={"record_ms": record_ms}),
            "finished_at": datetime.now(UTC),
        }
    )
    session.keep(trial)
    return trial


def status_of(observation: RawObservation | None, error: Exception | None) -> TrialStatus:
    """How a trial ended: `skipped` where an observation was waited for in vain, `failed` where something broke."""
    if isinstance(error, (ExecutorTimedOut, TimeoutError)):
        return TrialStatus.SKIPPED
    if error is not None or observation is None:
        return TrialStatus.FAILED
    return TrialStatus.DEGRADED if observation.degraded else TrialStatus.SCORED
