"""A session's trials without Prefect: the same steps, one after another."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from boifi_core.errors import BoifiError
from boifi_core.findings.evidence import is_reading
from boifi_core.models import Control, Phase, RawObservation, Trial
from boifi_core.safety.policies import clear_all, policy_names
from boifi_core.session import trial as steps
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from flows.attempt import Attempt

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
    session: Session, proposal: Proposal, propose_ms: float | None = None, control: Control | None = None
) -> Trial:
    """Inject, watch, remove, score; not recorded."""
    attempt = Attempt(session.session_id, session.next_number, proposal, propose_ms, control)
    names = policy_names(session.session_id, attempt.number, len(attempt.plans))
    try:
        with attempt.timed("apply_ms"):
            steps.apply(session, names, attempt.plans)
        with attempt.timed("observe_ms"):
            attempt.observation = _observe(session)
    except BoifiError as error:
        attempt.error = error
    finally:
        left = clear_all(session.injector, names, timeout_s=session.config.executor.timeout_s)
    if left:
        raise BoifiError("; ".join(left))
    if attempt.observation is not None:
        with attempt.timed("score_ms"):
            attempt.score = steps.score(session, attempt.observation)
    return attempt.trial()


def await_recovery(session: Session, trial: Trial) -> None:
    """After a trial that hurt, wait until the target is back at its steady state.

    Raises:
        BoifiError: it is not, in time.
    """
    recovery = session.config.recovery
    if not is_to_recover(session, trial):
        return
    deadline = time.monotonic() + recovery.timeout_s
    while not is_steady(session):
        if time.monotonic() > deadline:
            raise BoifiError(f"the target did not recover within {recovery.timeout_s:g} s of trial {trial.trial}")
        time.sleep(_PAUSE_S)


def is_to_recover(session: Session, trial: Trial) -> bool:
    """Whether the target must be seen at its steady state after this trial."""
    return session.hurt(trial) or trial.phase == Phase.MINIMISE or is_reading(trial)


def is_steady(session: Session) -> bool:
    """Whether a window shows the target at its steady state."""
    return session.severity(_observe(session)) <= session.steady_severity


def _observe(session: Session) -> RawObservation:
    return steps.observe(session, datetime.now(UTC), time.monotonic() + session.config.executor.timeout_s)
