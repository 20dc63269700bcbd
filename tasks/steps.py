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


def a_retry_can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the error itself says that repeating is harmless and may help."""
    return bool(getattr(state.data, "safe_to_retry", False))


RETRIED: dict[str, Any] = {
    "retries": 5,
    "retry_delay_seconds": exponential_backoff(0.1),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": a_retry_can_help,
}


@task(name="propose", task_run_name="trial {trial}: propose", cache_policy=NO_CACHE, timeout_seconds=60)
def propose(session: Session, plan: Plan, trial: int) -> Proposal | None:
    return plan.next(session)


@task(name="apply policy", task_run_name="trial {trial}: apply policy", cache_policy=NO_CACHE, **RETRIED)
def apply_policies(session: Session, trial: int, names: Sequence[str], plans: Sequence[FaultPlan]) -> None:
    steps.apply(session, names, plans)


@task(name="fetch observation", task_run_name="{label}: fetch observation", cache_policy=NO_CACHE, **RETRIED)
def fetch_observation(session: Session, label: str, newer_than: datetime, deadline: float) -> RawObservation:
    return steps.observe(session, newer_than, deadline)


@task(name="score", task_run_name="trial {trial}: score", cache_policy=NO_CACHE, timeout_seconds=30)
def score(session: Session, trial: int, observation: RawObservation) -> SeverityScore:
    return steps.score(session, observation)


# A store far away may be waited for.
@task(name="record", task_run_name="trial {trial}: record", cache_policy=NO_CACHE, timeout_seconds=300)
def record(session: Session, trial: int, draft: Trial) -> Trial:
    return steps.record(session, draft)


def apply_timeout_s(plans: int) -> float:
    """The net under the calls' own time-outs, seconds."""
    return plans * CALL_TIMEOUT_S + 5
