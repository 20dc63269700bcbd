"""A session's trials without Prefect: the same steps, one after another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from boifi_core.errors import BoifiError
from boifi_core.models import Control, Phase, RawObservation, StepDurations, Trial
from boifi_core.safety.policies import clear_all, policy_names
from boifi_core.session import trial as steps
from boifi_core.session.live import Session
from boifi_core.session.phases.baseline import UNHEALTHY_SEVERITY
from boifi_core.session.proposal import Proposal

_PAUSE_S = 0.1


def measure_baseline(session: Session) -> None:
    """Observe the target without a fault."""
    session.learn_baseline([_observe(session) for _ in range(session.config.baseline_observations)])


def control_for(session: Session, proposal: Proposal) -> Control | None:
    """The fault-free run just before a trial that asks for one."""
    if not proposal.wants_control:
        return None
    observation = _observe(session)
    return Control(observation=observation, severity=session.severity(observation))


def try_fault(
    session: Session, proposal: Proposal, durations: dict[str, float], control: Control | None = None
) -> Trial:
    """Inject, watch, remove, score; not recorded. `durations` are of the steps before, and get those made here."""
    started_at = datetime.now(UTC)
    number = len(session.trials) + 1
    names = policy_names(session.session_id, number, len(proposal.plans))
    observation = score = error = None
    try:
        with timed(durations, "apply_ms"):
            steps.apply(session, names, proposal.plans)
        with timed(durations, "observe_ms"):
            observation = _observe(session)
    except BoifiError as caught:
        error = caught
    finally:
        left = clear_all(session.injector, names, timeout_s=session.config.executor.timeout_s)
    if left:
        raise BoifiError("; ".join(left))
    if observation is not None:
        with timed(durations, "score_ms"):
            score = steps.score(session, observation)
    return Trial(
        session_id=session.session_id,
        trial=number,
        status=steps.status_of(observation, error),
        reason=str(error) if error else None,
        phase=proposal.phase,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        point=proposal.point,
        plans=proposal.plans,
        observation=observation,
        score=score,
        predicted_mean=proposal.predicted_mean,
        predicted_std=proposal.predicted_std,
        durations=StepDurations(**durations),
        why=proposal.why,
        control=control,
    )


def await_recovery(session: Session, trial: Trial) -> None:
    """After a trial that hurt, wait until the target is back at its steady state.

    Raises:
        BoifiError: it is not, in time.
    """
    recovery = session.config.recovery
    is_exact = trial.phase == Phase.MINIMISE or trial.control is not None
    if (trial.severity or 0) < recovery.after_severity and not is_exact:
        return
    deadline = time.monotonic() + recovery.timeout_s
    while session.severity(_observe(session)) > UNHEALTHY_SEVERITY:
        if time.monotonic() > deadline:
            raise BoifiError(f"the target did not recover within {recovery.timeout_s:g} s of trial {trial.trial}")
        time.sleep(_PAUSE_S)


@contextmanager
def timed(durations: dict[str, float], step: str) -> Iterator[None]:
    """Note how long the block takes, milliseconds."""
    started = time.perf_counter()
    try:
        yield
    finally:
        durations[step] = (time.perf_counter() - started) * 1000


def _observe(session: Session) -> RawObservation:
    return steps.observe(session, datetime.now(UTC), time.monotonic() + session.config.executor.timeout_s)
