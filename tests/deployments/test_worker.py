"""The forking worker, from outside: a process of its own, a real Prefect server, a strict control plane."""

import signal
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from flow_runs import FlowRuns, ended, kill_holder, made_trials, trials, until
from hfi_landscape import landscape
from hfi_server import HfiServer
from workers import Worker

from boifi_core.models import SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from deployments.polling import CANCEL_POLL_S


@pytest.fixture(scope="module")
def worker(tmp_path_factory, prefect_server):
    worker = Worker(tmp_path_factory.mktemp("service"), prefect_server)
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def runs(worker, prefect_server):
    runs = FlowRuns(prefect_server, worker.data)
    until(lambda: runs.http.get("/deployments/name/session/boifi").is_success, 60, "the deployment")
    return runs


def asked_of(runs, flow, parameters, state="SCHEDULED"):
    """A flow run as anybody who can write to Prefect may make it, for the worker's pool; its id."""
    flow_id = runs.http.post("/flows/", json={"name": flow}).raise_for_status().json()["id"]
    anything = {"enforce_parameter_schema": False}
    made = {"name": f"{flow}-asked", "flow_id": flow_id, "work_pool_name": "boifi", **anything}
    deployment = runs.http.post("/deployments/", json=made).raise_for_status().json()["id"]
    body = {"parameters": parameters, "state": {"type": state}, **anything}
    run = runs.http.post(f"/deployments/{deployment}/create_flow_run", json=body).raise_for_status().json()
    return run["id"]


def state_of(runs, run_id):
    return runs.http.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]


def whole(folder):
    """All that lies in a session's folder."""
    return {path: path.is_file() and path.read_bytes() for path in folder.path.rglob("*")}


def test_what_lies_elsewhere_is_neither_run_nor_touched(runs, worker, hfi, session_data, tmp_path):
    elsewhere = make_session(tmp_path, parse_session(session_data(hfi.url)))
    own = make_session(worker.data, parse_session(session_data(hfi.url)))
    link = worker.data / "sessions" / "link"
    link.symlink_to(elsewhere.path)
    before = whole(elsewhere), whole(own)
    asked = [
        (said, asked_of(runs, flow, parameters))
        for said, flow, parameters in [
            ("folder: must lie in", "session", {"folder": str(elsewhere.path)}),
            ("folder: must be no symbolic link", "session", {"folder": str(link)}),
            ("folder: must lie in", "session", {"folder": f"{own.path}/../{own.path.name}"}),
            ("folder: must lie in", "session", {"folder": f"s3://bucket/sessions/{own.path.name}"}),
            ("folder: must lie in", "campaign", {"folder": str(tmp_path / "campaigns" / "x")}),
            ("data: must be", "upkeep", {"data": str(tmp_path), "life_s": 0}),
            ("life_s: must be", "upkeep", {"data": str(worker.data), "life_s": 0}),
            ("parameters: must be folder", "session", {"folder": str(own.path), "more": 1}),
            ("flow: must be one of", "shell", {"command": "id"}),
        ]
    ]
    for said, run_id in asked:
        until(lambda run_id=run_id: state_of(runs, run_id)["type"] == "FAILED", 60, said)
        assert state_of(runs, run_id)["message"].startswith(said)
    # Nor is whom a cancelled run names, where it is another's, or nobody's.
    for folder in (elsewhere, own):
        asked_of(runs, "session", {"folder": str(folder.path)}, "CANCELLING")
    time.sleep(3 * CANCEL_POLL_S)
    assert (whole(elsewhere), whole(own)) == before
    assert hfi.active() == {}
    link.unlink()


def slow(server, seconds):
    def respond(faults):
        time.sleep(seconds if faults else 0)
        return landscape(faults)

    server.respond = respond


def test_a_session_started_by_a_flow_run_ends_completed_with_its_history(runs, hfi, session_data):
    folder = runs.start(session_data(hfi.url, total_trials=4, initial_points=4))
    state = ended(folder)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 4 trials made")
    assert [t.trial for t in trials(folder)] == [1, 2, 3, 4]
    until(lambda: runs.state(folder) == "COMPLETED", 20, "COMPLETED in Prefect")
    assert hfi.active() == {}
    run = runs.run(folder)
    assert f"session:{folder.session_id}" in run["tags"]


def test_a_cancel_in_prefect_breaks_the_trial_off_with_its_fault_gone(runs, hfi, session_data):
    slow(hfi, 30)
    folder = runs.start(session_data(hfi.url, executor={"timeout_s": 60}))
    until(hfi.active, 60, "a fault")
    began = time.monotonic()
    runs.cancel(folder)
    until(lambda: not hfi.active(), 20, "the fault's end")
    state = ended(folder)
    assert (state.status, state.reason) == (SessionStatus.FAILED, "cancelled")
    until(lambda: runs.state(folder) == "CANCELLED", 20, "CANCELLED in Prefect")
    print(f"cancelled after {time.monotonic() - began:.1f} s")


def test_a_cancel_before_the_session_began_ends_it(runs, worker, hfi, session_data):
    worker.end()
    folder = runs.start(session_data(hfi.url))
    runs.cancel(folder)
    worker.start()
    state = ended(folder)
    assert (state.status, state.reason) == (SessionStatus.FAILED, "cancelled")
    assert hfi.requests("POST") == []


def test_a_killed_session_goes_on_by_itself_on_the_same_flow_run(runs, hfi, session_data):
    slow(hfi, 0.3)
    folder = runs.start(session_data(hfi.url, total_trials=8, initial_points=8))
    made_trials(folder, 2)
    kill_holder(folder, signal.SIGKILL)
    assert ended(folder).reason == "all 8 trials made"
    assert [t.trial for t in trials(folder)] == list(range(1, 9))
    assert hfi.active() == {}
    until(lambda: runs.state(folder) == "COMPLETED", 20, "COMPLETED in Prefect")
    assert runs.run(folder)["run_count"] == 2


@pytest.mark.long
def test_a_session_that_dies_over_and_over_fails_with_the_reason(runs, hfi, session_data):
    slow(hfi, 30)
    folder = runs.start(session_data(hfi.url, executor={"timeout_s": 60}))
    for _ in range(4):
        until(hfi.active, 60, "a fault")
        pid = kill_holder(folder, signal.SIGKILL)
        until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), 10, "its death")
        until(lambda: not hfi.active(), 20, "the fault's end")
    state = ended(folder)
    assert state.status is SessionStatus.FAILED
    assert "its process died 4 times without a new trial" in state.reason
    until(lambda: runs.state(folder) == "FAILED", 20, "FAILED in Prefect")


def test_sigterm_to_the_worker_leaves_sessions_resumable_and_its_next_start_goes_on(runs, worker, hfi, session_data):
    slow(hfi, 0.5)
    folder = runs.start(session_data(hfi.url, total_trials=8, initial_points=8))
    made_trials(folder, 2)
    until(hfi.active, 20, "a fault")
    worker.end()
    assert hfi.active() == {}
    state = folder.state()
    assert state.status is SessionStatus.RUNNING
    assert state.reason.startswith("interrupted")
    worker.start()
    assert ended(folder).reason == "all 8 trials made"
    assert [t.trial for t in trials(folder)] == list(range(1, 9))


@pytest.mark.long
def test_a_killed_worker_leaves_its_sessions_running_and_its_successor_looks_after_them(
    runs, worker, hfi, session_data
):
    slow(hfi, 0.5)
    lives = runs.start(session_data(hfi.url, total_trials=12, initial_points=12))
    made_trials(lives, 1)
    with HfiServer() as other:
        slow(other, 0.5)
        dies = runs.start(session_data(other.url, total_trials=8, initial_points=8))
        made_trials(dies, 2)
        worker.end(signal.SIGKILL)
        kill_holder(dies, signal.SIGKILL)
        first = lives.holder()
        worker.start()
        assert ended(dies, 90).reason == "all 8 trials made"
        assert [t.trial for t in trials(dies)] == list(range(1, 9))
        assert other.active() == {}
    assert first is not None
    assert ended(lives).reason == "all 12 trials made"
    assert [t.trial for t in trials(lives)] == list(range(1, 13))
    assert hfi.active() == {}
    assert runs.run(lives)["run_count"] == 1


def test_sessions_on_one_target_never_overlap_a_trial_and_on_two_they_do(runs, hfi, session_data):
    both_are_there = threading.Event()

    def respond(faults):
        if faults:
            both_are_there.wait(30)
            time.sleep(0.2)
        return landscape(faults)

    hfi.respond = respond
    with HfiServer() as other:
        slow(other, 0.2)
        few = {"total_trials": 5, "initial_points": 5, "executor": {"timeout_s": 60}}
        first, second = runs.start(session_data(hfi.url, **few)), runs.start(session_data(hfi.url, **few))
        apart = runs.start(session_data(other.url, **few))
        waits = until(lambda: [f for f in (first, second) if "waiting for" in (reason_of(f) or "")], 60, "a wait")
        both_are_there.set()
        holder = second if waits[0] == first else first
        assert reason_of(waits[0]) in (None, f"waiting for the target: session {holder.session_id} has it")
        made = [trials(folder) for folder in (first, second, apart) if ended(folder)]
    assert [len(each) for each in made] == [5, 5, 5]
    one_target = sorted((t.started_at, t.finished_at) for t in made[0] + made[1])
    assert all(before[1] <= after[0] for before, after in pairwise(one_target))
    spans = [(each[0].started_at, each[-1].finished_at) for each in made]
    assert spans[0][0] < spans[1][1]
    assert spans[1][0] < spans[0][1], "they take turns"
    assert min(spans[0][0], spans[1][0]) < spans[2][1]
    assert spans[2][0] < max(spans[0][1], spans[1][1])


def reason_of(folder):
    state = folder.state()
    return state and state.reason


@pytest.mark.slow
def test_many_sessions_of_one_target_leave_room_for_those_of_another(runs, hfi, session_data):
    slow(hfi, 1.0)
    many = [runs.start(session_data(hfi.url, total_trials=40)) for _ in range(7)]
    until(lambda: sum(folder.is_held() for folder in many) == 5, 60, "five of them at work")
    at_work = sorted(folder.session_id[:8] for folder in many if folder.is_held())
    says = f"waiting for the target: sessions {', '.join(at_work)} come first"
    until(lambda: [reason_of(folder) for folder in many].count(says) == 2, 30, "the others saying for whom they wait")
    with HfiServer() as other:
        elsewhere = runs.start(session_data(other.url, total_trials=6))
        assert ended(elsewhere).status is SessionStatus.COMPLETED
    assert sum(folder.is_held() for folder in many) == 5
    for folder in many:
        folder.request_stop()
    assert all(ended(folder).reason.startswith("stopped") for folder in many)
