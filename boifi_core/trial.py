"""The five steps of a trial, plainly: propose, apply, observe, score, record."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from boifi_core.errors import ExecutorTimedOut
from boifi_core.models import Choice, FaultPlan, Near, Phase, Point, RawObservation, SeverityScore, Trial, TrialStatus
from boifi_core.optimizer import Why
from boifi_core.policies import CALL_TIMEOUT_S, with_expiry
from boifi_core.session import Session, searched
from boifi_core.warm_start import training_score


@dataclass(frozen=True)
class Proposal:
    """What to try next, as it will be sent, what the model expects of it (None before there is a model), and why."""

    point: Point
    plans: tuple[FaultPlan, ...]
    phase: Phase
    predicted_mean: float | None = None
    predicted_std: float | None = None
    why: Choice | None = None


def propose(session: Session) -> Proposal:
    """The optimizer's next point and its plans; a session has one trial at a time, so what was pending is none."""
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
    learnt = [trial.trial for trial in searched(session.trials) if training_score(trial) is not None]
    near = tuple(Near(trial=learnt[tried.place], severity=tried.score) for tried in why.nearest)
    return Choice(reason=why.reason, promise=why.promise, nearest=near)


def plans_for(session: Session, point: Point) -> tuple[FaultPlan, ...]:
    """A point's plans as the injector will send them, with the expiry that ends them if nobody does."""
    sendable = [session.injector.as_sent(plan) for plan in session.config.search_space.plans(point)]
    return with_expiry(sendable, session.config.executor.timeout_s)


def apply(session: Session, names: Sequence[str], plans: Sequence[FaultPlan]) -> None:
    """Put all plans of a trial in force."""
    timeout_s = min(CALL_TIMEOUT_S, session.config.executor.timeout_s)
    for name, plan in zip(names, plans, strict=True):
        session.injector.apply(name, plan, timeout_s=timeout_s)


def observe(session: Session, newer_than: datetime, deadline: float) -> RawObservation:
    """One observation newer than `newer_than`, by `deadline` (of `time.monotonic`)."""
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
    return session.analyzer.calculate_severity(observation, session.baseline)


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
