"""A trial's five steps as Prefect tasks: names, retries and time-outs, nothing else.

They take the live `Session` and are called directly in the main thread: there a time-out interrupts whatever runs.
Nothing is cached or persisted: a repeated measurement must be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import RawObservation, SeverityScore, Trial
from boifi_core.safety.policies import CALL_TIMEOUT_S
from boifi_core.session import trial as steps
from boifi_core.session.phases.plan import Plan
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from tasks.time_limit import time_limit

PROPOSE_LIMIT_S = 60.0
SCORE_LIMIT_S = 30.0
RECORD_LIMIT_S = 300.0
"""A store far away may be waited for."""

MARGIN_S = 5.0
"""How much longer than the calls in it a step may take, seconds: it is a net under their own time-outs."""


def a_retry_can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the error itself says that repeating is harmless and may help."""
    return bool(getattr(state.data, "safe_to_retry", False))


RETRIED: dict[str, Any] = {
    "retries": 5,
    "retry_delay_seconds": exponential_backoff(0.1),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": a_retry_can_help,
}


@task(name="propose", task_run_name="trial {trial}: propose", cache_policy=NO_CACHE)
def propose(session: Session, plan: Plan, trial: int) -> Proposal | None:
    with time_limit(PROPOSE_LIMIT_S, f"no fault was found for trial {trial}, in a search space of this size,"):
        return plan.next(session)


@task(name="apply policy", task_run_name="trial {trial}: apply policy", cache_policy=NO_CACHE, **RETRIED)
def apply_policies(session: Session, trial: int, names: Sequence[str], plans: Sequence[FaultPlan]) -> None:
    limit_s = len(names) * CALL_TIMEOUT_S + MARGIN_S
    with time_limit(limit_s, f"executor.endpoint: trial {trial}'s policies were not taken"):
        steps.apply(session, names, plans)


@task(name="fetch observation", task_run_name="{label}: fetch observation", cache_policy=NO_CACHE, **RETRIED)
def fetch_observation(session: Session, label: str, newer_than: datetime, deadline: float) -> RawObservation:
    with time_limit(session.config.executor.timeout_s + MARGIN_S, f"{label}: nothing was observed"):
        return steps.observe(session, newer_than, deadline)


@task(name="score", task_run_name="trial {trial}: score", cache_policy=NO_CACHE)
def score(session: Session, trial: int, observation: RawObservation) -> SeverityScore:
    with time_limit(SCORE_LIMIT_S, f"what was observed in trial {trial} could not be scored"):
        return steps.score(session, observation)


@task(name="record", task_run_name="trial {trial}: record", cache_policy=NO_CACHE)
def record(session: Session, trial: int, draft: Trial) -> Trial:
    with time_limit(RECORD_LIMIT_S, f"trial {trial} was not learnt from and written"):
        return steps.record(session, draft)
