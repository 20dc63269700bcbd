"""The five steps of a trial, plainly: propose, apply, observe, score, record."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from boifi_core.errors import ExecutorTimedOut, SpaceExhausted
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import VERIFY
from boifi_core.findings.following import Wanted
from boifi_core.models import Choice, Near, Phase, Point, RawObservation, SeverityScore, Trial, TrialStatus
from boifi_core.optimizer import Why
from boifi_core.safety.policies import CALL_TIMEOUT_S, with_expiry
from boifi_core.session.learning import searched
from boifi_core.session.live import Session
from boifi_core.session.warm_start import training_score


@dataclass(frozen=True)
class Proposal:
    """What to try next, as it will be sent, what the model expects of it (None before there is a model), and why.

    `wants_control` asks for a fault-free run just before it.
    """

    point: Point
    plans: tuple[FaultPlan, ...]
    phase: Phase
    predicted_mean: float | None = None
    predicted_std: float | None = None
    why: Choice | None = None
    wants_control: bool = False


def propose(session: Session) -> Proposal:
    """What to try next: the optimizer's next point, or, once the search is done, what follows from what it found.

    Raises:
        SpaceExhausted: every point was tried, and nothing is left to confirm or to make smaller.
    """
    wanted = session.follow_up()
    if wanted is not None:
        return _following(session, wanted)
    try:
        return _searching(session)
    except SpaceExhausted:
        session.is_searched = True
        wanted = session.follow_up()
        if wanted is None:
            raise
        return _following(session, wanted)


def _following(session: Session, wanted: Wanted) -> Proposal:
    """The fault of an earlier trial again, or a smaller one."""
    # A fault that is not that of its point teaches the model nothing.
    is_of_point = wanted.reason == VERIFY and wanted.of.phase not in (Phase.MINIMISE, Phase.REPLAY)
    phase = Phase.CONFIRM if is_of_point else Phase.MINIMISE
    known = (Near(trial=wanted.of.trial, severity=wanted.of.severity or 0.0),)
    return Proposal(
        wanted.of.point,
        as_sent(session, wanted.plans),
        phase,
        why=Choice(reason=wanted.reason, nearest=known),
        wants_control=wanted.reason == VERIFY,
    )


def _searching(session: Session) -> Proposal:
    """The optimizer's next point; a session has one trial at a time, so what was pending is none."""
    optimizer = session.optimizer
    optimizer.withdraw()
    phase = Phase(optimizer.phase)
    point = optimizer.propose()
    why = optimizer.why(point) or Why("remaining")
    if why.reason == "confirm":
        phase = Phase.CONFIRM
    return Proposal(point, plans_for(session, point), phase, why.mean, why.std, _choice(session, why))


def _choice(session: Session, why: Why) -> Choice:
    """What was behind a proposal, with the numbers of the trials that it names."""
    learnt = [trial for trial in searched(session.trials) if training_score(trial) is not None]
    named = [learnt[tried.place] for tried in why.nearest]
    near = tuple(Near(trial=trial.trial, severity=trial.severity or 0.0) for trial in named)
    return Choice(reason=why.reason, promise=why.promise, nearest=near)


def plans_for(session: Session, point: Point) -> tuple[FaultPlan, ...]:
    """A point's plans as the injector will send them, with the expiry that ends them if nobody does."""
    return as_sent(session, session.config.search_space.plans(point))


def as_sent(session: Session, plans: Sequence[FaultPlan]) -> tuple[FaultPlan, ...]:
    """These plans as the injector will send them, with an expiry."""
    sendable = [session.injector.as_sent(plan) for plan in plans]
    return with_expiry(sendable, session.config.executor.timeout_s)


def apply(session: Session, names: Sequence[str], plans: Sequence[FaultPlan]) -> None:
    """Put all plans of a trial in force."""
    session.tries += 1
    timeout_s = min(CALL_TIMEOUT_S, session.config.executor.timeout_s)
    for name, plan in zip(names, plans, strict=True):
        session.injector.apply(name, plan, timeout_s=timeout_s)


def observe(session: Session, newer_than: datetime, deadline: float) -> RawObservation:
    """One observation newer than `newer_than`, by `deadline` (of `time.monotonic`)."""
    session.tries += 1
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise ObservationTimedOut(f"no observation within {session.config.executor.timeout_s:g} s")
    try:
        return session.observer.observe(newer_than=newer_than, timeout_s=left_s)
    except ExecutorTimedOut as error:
        if time.monotonic() < deadline:
            raise
        raise ObservationTimedOut(str(error)) from error


class ObservationTimedOut(ExecutorTimedOut):
    """The trial's time for an observation is over: it is skipped, not tried again."""

    safe_to_retry = False


def score(session: Session, observation: RawObservation) -> SeverityScore:
    return session.analyzer.calculate_severity(observation, session.evidence.normal)


def record(session: Session, draft: Trial) -> Trial:
    """Let the model learn from the trial, then write it; the trial returned says how long the learning took."""
    started = time.perf_counter()
    session.learn(draft)
    record_ms = (time.perf_counter() - started) * 1000
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
