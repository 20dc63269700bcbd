"""Sessions asked for over REST: when each began, how its trials went, and what Prefect knows of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx

from benchmarks.one_session import config_for
from benchmarks.service.served import Served, until
from boifi_core.models import ENDED, SessionState, Trial
from boifi_core.session.folder import SessionFolder
from boifi_core.session.run_file import flow_run_of
from boifi_core.session.stored import read_trials, stored_config

PATH = "/v1/optimization/sessions"
STEPS = ("propose", "apply policy", "fetch observation", "score", "record")
_PAGE = 200


@dataclass(frozen=True)
class Asked:
    """A session that was asked for; `at` is when, of `time.time`."""

    folder: SessionFolder
    at: float


def ask(service: Served, endpoints: Sequence[str], trials: int, baseline: int = 3) -> list[Asked]:
    """Ask for a session on each of these targets, all at once."""

    def one(endpoint: str) -> Asked:
        config = config_for(endpoint, trials).model_dump(mode="json", exclude_none=True)
        config |= {"baseline_observations": baseline}
        at = time.time()
        answer = service.http.post(PATH, json=config)
        answer.raise_for_status()
        return Asked(SessionFolder.of(service.data, answer.json()["session_id"]), at)

    with ThreadPoolExecutor(len(endpoints)) as pool:
        return list(pool.map(one, endpoints))


def end_of(asked: Asked, timeout_s: float) -> SessionState:
    """The last state of a session, waited for."""

    def last() -> SessionState | None:
        state = asked.folder.state()
        return state if state and state.status in ENDED else None

    return until(last, timeout_s, f"the end of {asked.folder.path}", pause_s=0.1)


def made(asked: Asked) -> int:
    """How many trials it has made so far."""
    return max(0, len(list(asked.folder.history.glob("*.parquet"))) - 1)  # the first part holds none


def trials_of(asked: Asked) -> list[Trial]:
    return read_trials(asked.folder, stored_config(asked.folder))


def over_ms(asked: Asked, observation_s: float) -> list[float]:
    """What each trial but the first took from the end of the one before to its own, over its observation, ms."""
    trials = trials_of(asked)
    return [((b.finished_at - a.finished_at).total_seconds() - observation_s) * 1000 for a, b in pairwise(trials)]


def task_runs(service: Served, asked: Asked) -> list[dict[str, Any]]:
    """What Prefect has of a session's tasks."""
    return list(_task_runs(service, asked))


def _task_runs(service: Served, asked: Asked) -> Iterator[dict[str, Any]]:
    wanted = {"flow_runs": {"tags": {"all_": [f"session:{asked.folder.session_id}"]}}}
    for page in range(1000):
        body = {**wanted, "sort": "EXPECTED_START_TIME_ASC", "limit": _PAGE, "offset": page * _PAGE}
        answer = service.prefect.post("/task_runs/filter", json=body)
        answer.raise_for_status()
        yield from answer.json()
        if len(answer.json()) < _PAGE:
            return


def first_task_s(service: Served, asked: Asked) -> float:
    """How long after the request its first task began, seconds."""
    starts = [run["start_time"] for run in task_runs(service, asked) if run["start_time"]]
    return min(datetime.fromisoformat(start).timestamp() for start in starts) - asked.at


def missing_tasks(service: Served, asked: Asked) -> list[str]:
    """The steps of its trials that Prefect has no completed task run of."""
    told = Counter(run["name"] for run in task_runs(service, asked) if run["state_type"] == "COMPLETED")
    wanted = [f"trial {trial.trial}: {step}" for trial in trials_of(asked) for step in STEPS]
    return [name for name in wanted if not told[name]]


def cancel(service: Served, asked: Asked, timeout_s: float) -> tuple[float, float]:
    """Cancel a session in Prefect, as its UI does, while it makes trials.

    Returns:
        How long after that its control plane listed no fault for good, and Prefect called the run CANCELLED, seconds.
    """
    endpoint, run = stored_config(asked.folder).executor.endpoint, f"/flow_runs/{_run_id(asked)}"
    state = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}
    with httpx.Client(trust_env=False, timeout=timeout_s) as control_plane:

        def faults() -> list[object]:
            return list(control_plane.get(f"{endpoint}/v1/policies").raise_for_status().json()["policies"] or ())

        until(faults, timeout_s, "a fault", pause_s=0.01)
        began = time.monotonic()
        service.prefect.post(f"{run}/set_state", json=state).raise_for_status()
        cleared_s = cancelled_s = None
        while cancelled_s is None:
            now_s = time.monotonic() - began
            if now_s > timeout_s:
                raise TimeoutError(f"not cancelled after {timeout_s} s: {asked.folder.path}")
            if faults():
                cleared_s = None
            elif cleared_s is None:
                cleared_s = now_s
            if service.prefect.get(run).raise_for_status().json()["state"]["type"] == "CANCELLED":
                cancelled_s = now_s
            time.sleep(0.02)
        if faults() or cleared_s is None:
            raise RuntimeError(f"a fault outlives its session: {asked.folder.path}")
    return cleared_s, cancelled_s


def _run_id(asked: Asked) -> str:
    return until(lambda: flow_run_of(asked.folder), 60, "a flow run", pause_s=0.05)
