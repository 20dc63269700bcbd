"""Sessions as flows, in this process, against a strict control plane and a real Prefect server."""

import os
import re
import shutil
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pandas as pd
import pytest
from hfi_landscape import landscape
from hfi_server import HfiServer, Knobs
from loopback import free_port
from own_ca import self_signed, tls_server

from boifi_core.models import SessionStatus, TrialStatus
from boifi_core.session.config import parse_session
from boifi_core.session.events import Note, StopAsked, listening
from boifi_core.session.folder import REQUEST, SessionFolder
from boifi_core.session.make import make_session, resume_session
from boifi_core.session.opening import reachable_config
from boifi_core.session.stored import read_trials, stored_config

pytestmark = pytest.mark.usefixtures("prefect_server")

HEALTHY = landscape([])


def test_every_trial_is_proposed_applied_observed_scored_recorded_and_cleared(hfi, run):
    folder, state, trials = run(hfi.url)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 12 trials made")
    assert [t.trial for t in trials] == list(range(1, 13))
    assert all(t.status is TrialStatus.SCORED for t in trials)
    assert [t.phase for t in trials[:5]] == ["initial"] * 5
    assert [t.phase for t in trials[5:]] == ["confirm" if t.why.reason == "confirm" else "search" for t in trials[5:]]
    assert hfi.active() == {}
    prefix = f"boifi-{folder.session_id[:8]}-"
    posts, deletes = hfi.requests("POST"), hfi.requests("DELETE")
    assert [p.body["metadata"]["name"] for p in posts] == [f"{prefix}{n:04}" for n in range(13)]
    assert all(p.body["spec"]["rules"][0]["fault"]["duration_seconds"] > 5 for p in posts)
    assert len(deletes) == len(posts)
    # One fault at a time, observed while it is in force: post, get, delete, over and over.
    order = [r.method for r in hfi.received if r in hfi.injected() or r.method == "DELETE" or "observations" in r.path]
    order.remove("DELETE")  # of the first look
    assert re.fullmatch(r"(GET )+(POST (GET )+DELETE (GET )*)+", " ".join(order) + " ")


def test_predictions_stand_beside_what_came_after_the_first_model(hfi, run):
    _, _, trials = run(hfi.url)
    searched = [t for t in trials if t.phase != "initial"]
    assert all(t.predicted_mean is not None and t.predicted_std >= 0 for t in searched)
    assert trials[0].predicted_mean is None


def test_the_history_is_readable_while_the_session_runs(hfi, run, tmp_path):
    seen = []

    def respond(faults):
        if faults:
            (history,) = tmp_path.glob("sessions/*/history")
            seen.append(len(pd.read_parquet(history)))
        return landscape(faults)

    hfi.respond = respond
    folder, _, _ = run(hfi.url)
    assert seen == list(range(12))
    assert len(pd.read_parquet(folder.history)) == 12


def test_whoever_sees_that_it_ended_finds_its_report(hfi, run, tmp_path):
    seen = []

    def watch():
        deadline = time.monotonic() + 120
        while not seen and time.monotonic() < deadline:
            ended = [s for s in tmp_path.glob("sessions/*/state.json") if '"COMPLETED"' in s.read_text()]
            seen.extend(sorted(file.name for file in state.parent.glob("report.*")) for state in ended)
            time.sleep(0.001)

    watching = threading.Thread(target=watch)
    watching.start()
    folder, _, _ = run(hfi.url, total_trials=6)
    watching.join()
    assert seen == [["report.html", "report.md"]]
    assert "COMPLETED" in (folder.path / "report.md").read_text()


def test_the_same_seed_makes_the_same_proposals(run):
    with HfiServer() as one, HfiServer() as two:
        first, second = run(one.url)[2], run(two.url)[2]
    assert [t.point for t in first] == [t.point for t in second]
    assert [t.severity for t in first] == [t.severity for t in second]


def test_prefect_has_five_tasks_a_trial_by_name(hfi, run, prefect_server):
    folder, _, _ = run(hfi.url, total_trials=3, initial_points=3)
    wanted = Counter({f"trial {n}: {step}": 1 for n in (1, 2, 3)
                      for step in ("propose", "apply policy", "fetch observation", "score", "record")})  # fmt: skip

    def tasks():
        flow_runs = httpx.post(
            f"{prefect_server}/flow_runs/filter",
            json={"flow_runs": {"tags": {"all_": []}}, "sort": "START_TIME_DESC", "limit": 50},
        ).json()
        (flow_run,) = [r for r in flow_runs if r["parameters"].get("folder") == str(folder.path)]
        assert flow_run["state"]["type"] == "COMPLETED"
        runs = httpx.post(
            f"{prefect_server}/task_runs/filter", json={"flow_runs": {"id": {"any_": [flow_run["id"]]}}}
        ).json()
        trials = [r for r in runs if r["name"].startswith("trial")]
        assert all(set(r["tags"]) == {f"session:{folder.session_id}", r["name"].partition(": ")[0].replace(" ", ":")}
                   for r in trials)  # fmt: skip
        return Counter(r["name"] for r in trials if r["state_type"] == "COMPLETED")

    deadline = time.monotonic() + 20
    while tasks() != wanted and time.monotonic() < deadline:
        time.sleep(0.5)
    assert tasks() == wanted


def test_a_session_survives_a_control_plane_that_fails(run):
    knobs = Knobs(seed=3, fail_share=0.2, malformed_share=0.15, stale_share=0.15)
    with HfiServer(knobs=knobs) as hfi:
        _, state, trials = run(hfi.url, total_trials=40, executor={"timeout_s": 3})
        assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 40)
        assert all(t.reason for t in trials if t.status is not TrialStatus.SCORED)
        assert {t.status for t in trials} > {TrialStatus.SCORED}
        assert max(t.retries for t in trials) > 0
        assert hfi.active() == {}
        # Nothing stale was scored: an observation that is an hour old would show it.
        observed = [t.observation.timestamp for t in trials if t.observation]
        assert all((datetime.now(UTC) - at).total_seconds() < 600 for at in observed)


def test_an_unhealthy_target_ends_the_session_before_any_fault(hfi, run):
    hfi.respond = lambda faults: {**HEALTHY, "status_code": 503, "error_rate": 1.0}
    _, state, trials = run(hfi.url)
    assert state.status is SessionStatus.FAILED
    assert "not healthy without a fault: median severity" in state.reason
    assert trials == []
    assert hfi.requests("POST") == []


AS_TEXT = {"status_code": "200", "latency_ms": "50", "error_rate": "0.0", "logs": [], "trace_data": None}


def test_f5_a_target_of_which_nothing_can_be_read_ends_the_session_before_any_fault(hfi, run):
    hfi.respond = lambda faults: AS_TEXT
    _, state, trials = run(hfi.url)
    assert (state.status, trials, hfi.requests("POST")) == (SessionStatus.FAILED, [], [])
    assert state.reason.startswith(
        "nothing of what was observed could be read: status_code: must be a number, got '200'"
    )


def test_f5_a_trial_of_which_nothing_can_be_read_has_failed(hfi, run):
    hfi.respond = lambda faults: AS_TEXT if faults else HEALTHY
    _, _, trials = run(hfi.url, total_trials=2, initial_points=2, max_failures_in_row=5)
    assert [(trial.status, trial.score) for trial in trials] == [(TrialStatus.FAILED, None)] * 2
    assert all("could be read" in trial.reason for trial in trials)
    assert hfi.active() == {}


def test_f11_p22_why_no_request_was_answered_stands_in_reason_and_report(hfi, run, tmp_path):
    with tls_server(self_signed(tmp_path)) as port:
        for url, why in (
            (f"http://127.0.0.1:{free_port()}/", "connection refused"),
            (f"https://127.0.0.1:{port}/", "certificate refused: self-signed certificate"),
        ):
            probe = {"type": "probe", "requests": [{"url": url}], "count": 3}
            folder, state, trials = run(hfi.url, observer=probe)
            assert (state.status, trials) == (SessionStatus.FAILED, [])
            assert f"(most requests got 503; “{why}”; GET / fails: " in state.reason
            assert why in (folder.path / "report.md").read_text()


def test_f12_p20_what_is_normal_gives_no_points_and_what_fails_is_named(hfi, run):
    told = []
    logs = ['level=info msg="batch done" errors=0']
    statuses = {"GET /page": {"200": 20}, "GET /gone": {"404": 10}}
    hfi.respond = lambda faults: {**HEALTHY, "logs": logs, "statuses": statuses, "error_rate": 0.33}
    with listening(lambda event: told.append(event.text) if isinstance(event, Note) else None):
        _, state, trials = run(hfi.url, total_trials=2, initial_points=2)
    assert state.status is SessionStatus.COMPLETED
    assert "without a fault GET /gone fails: 10 of 10 requests, most with 404" in told
    assert [trial.score.breakdown for trial in trials] == [{"bug.error_rate": 3.0}] * 2


@pytest.mark.parametrize(
    ("host", "allowed", "address", "rule"),
    [
        ("127.0.0.1", "10.0.0.0/8", "127.0.0.1", "must be one of the targets"),
        ("mesh.example", "mesh.example", "169.254.169.254", "must not be a link-local"),
    ],
)
def test_a_requested_session_that_may_not_reach_its_target_now_sends_it_nothing(
    hfi, tmp_path, session_data, monkeypatch, host, allowed, address, rule
):
    from deployments.reconcile.end import remove_policies
    from flows.session import session
    from flows.upkeep import upkeep

    addresses = ["127.0.0.1"]
    monkeypatch.setattr("boifi_core.safety.allowed_targets.resolved", lambda host, port: addresses)
    endpoint = hfi.url.replace("127.0.0.1", host)
    folder = make_session(tmp_path, parse_session(session_data(endpoint)), others={REQUEST: "{}"})
    reachable_config(folder)
    addresses[:] = [address]
    monkeypatch.setenv("BOIFI_ALLOWED_TARGETS", allowed)
    ended = session(str(folder.path), return_state=True)
    state = folder.state()
    assert (state.status, ended.type) == (SessionStatus.FAILED, "FAILED")
    assert state.reason.startswith(f"executor.endpoint: {rule}")
    assert [problem for problem in remove_policies(folder) if rule in problem]
    upkeep(str(tmp_path), life_s=3600)
    assert hfi.received == []


def test_policies_that_are_always_refused_end_the_session_with_the_reason(hfi, run):
    def refuse(document):
        from hfi_policy import RefusedError

        raise RefusedError("no faults on Mondays")

    hfi.apply = refuse
    _, state, trials = run(hfi.url, max_failures_in_row=3)
    assert state.status is SessionStatus.FAILED
    assert "3 trials in a row failed" in state.reason
    assert "no faults on Mondays" in state.reason
    assert [t.status for t in trials] == [TrialStatus.FAILED] * 3
    assert [t.retries for t in trials] == [0] * 3
    assert len(hfi.injected()) == 3, "what is refused is not tried again"


def test_a_trial_without_an_observation_in_time_is_skipped(hfi, run):
    # Only what it says of its observations stands still: a standing clock would be told by its `Date`, and allowed for.
    began, live = datetime.now(UTC).isoformat(), hfi.observation
    hfi.observation = lambda: {**live(), "timestamp": began} if hfi.faults() else live()
    _, state, trials = run(hfi.url, total_trials=2, initial_points=2, executor={"timeout_s": 1})
    assert [t.status for t in trials] == [TrialStatus.SKIPPED] * 2
    assert state.status is SessionStatus.COMPLETED
    assert state.progress.best_result is None
    assert hfi.active() == {}


def test_abort_if_ends_the_session(hfi, run):
    rule = {"field": "status_code", "operator": "greater_than", "value": 199}
    _, state, trials = run(hfi.url, guardrails={"abort_if": rule})
    assert state.status is SessionStatus.FAILED
    assert state.reason == "guardrails.abort_if: status_code greater than 199, observed 200"
    assert len(trials) == 1
    assert hfi.active() == {}


def test_a_session_ends_when_its_time_is_over(hfi, run):
    _, state, trials = run(hfi.url, total_trials=500, initial_points=500, guardrails={"max_duration_s": 1})
    assert state.status is SessionStatus.COMPLETED
    assert "max_duration_s" in state.reason
    assert 1 <= len(trials) < 500


def test_the_time_that_a_killed_run_took_counts_after_a_resume(hfi, run):
    from flows.session import session

    hfi.respond = lambda faults: time.sleep(0.2) or landscape(faults)
    folder, _, made = run(hfi.url, total_trials=500, initial_points=500, guardrails={"max_duration_s": 1})
    session(str(folder.path), return_state=True)
    assert folder.state().progress.current_iteration <= len(made) + 1


def test_guardrails_hold_for_every_policy(hfi, run):
    rails = {"max_percentage": 40, "max_delay_ms": 500, "protected_paths": ["/details"]}
    run(hfi.url, total_trials=15, guardrails=rails)
    rules = [post.body["spec"]["rules"][0] for post in hfi.injected()]
    assert len(rules) == 15
    for rule in rules:
        assert rule["fault"]["percentage"] <= 40
        assert rule["fault"].get("delay", {}).get("fixed_delay_ms", 0) <= 500
        assert rule["match"]["path"]["prefix"] != "/details"


def test_a_finite_space_that_is_exhausted_ends_the_session_with_that_reason(hfi, run):
    space = [
        {"name": "fault_type", "type": "categorical", "values": ["abort"]},
        {"name": "target_path", "type": "categorical", "values": ["/ratings", "/reviews", "/details"]},
    ]
    _, state, trials = run(hfi.url, search_space=space)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "every point of the search space was tried")
    assert len(trials) == 3


def test_a_session_ends_early_where_little_is_left_to_gain(hfi, run):
    space = [
        {"name": "fault_type", "type": "categorical", "values": ["abort"]},
        {"name": "target_path", "type": "categorical", "values": ["/ratings", "/reviews", "/details"]},
        {"name": "percentage", "type": "integer", "min": 90, "max": 100},
    ]
    changes = {"search_space": space, "total_trials": 30, "initial_points": 4}
    folder, state, trials = run(hfi.url, **changes, optimizer={"stop_below": 9.9})
    left = 30 - len(trials)
    assert len(trials) == 4
    assert state.status is SessionStatus.COMPLETED
    found = re.fullmatch(rf"expected gain of the {left} trials left is (\d\.\d\d), below stop_below 9.9", state.reason)
    assert 0 <= float(found[1]) < 9.9
    assert state.reason in (folder.path / "report.md").read_text()
    assert len(run(hfi.url, **changes | {"total_trials": 6})[2]) == 6


def test_a_session_learns_from_an_earlier_one_and_keeps_what_it_learnt(run, tmp_path, session_data):
    from flows.session import session

    def in_order(hfi, earlier, total_trials):
        config = parse_session(session_data(hfi.url, warm_start=[earlier.session_id[:8]], total_trials=total_trials))
        folder = make_session(tmp_path, config)
        session(str(folder.path), return_state=True)
        return folder, config, read_trials(folder, config)

    with HfiServer() as hfi:
        earlier, _, known = run(hfi.url)
        _, _, whole = in_order(hfi, earlier, 8)
        worst = max(known, key=lambda t: t.severity)
        assert whole[0].point in [t.point for t in known if t.severity >= worst.severity - 1]
        assert whole[0].predicted_mean is not None
        assert [t.phase for t in whole].count("initial") < 5
        folder, config, _ = in_order(hfi, earlier, 5)
        shutil.rmtree(earlier.path)
        resume_session(folder, config.model_copy(update={"total_trials": 8}))
        session(str(folder.path), return_state=True)
        assert [t.point for t in read_trials(folder, config)] == [t.point for t in whole]


def test_what_was_normal_for_the_first_trials_stays_so_when_a_session_is_resumed(hfi, run):
    from flows.session import session

    folder, _, _ = run(hfi.url, total_trials=4, initial_points=4)
    kept = (folder.path / "baseline.json").read_bytes()
    hfi.respond = lambda faults: {**landscape(faults), "error_rate": 0.01, "logs": ["WARN replica is away"]}
    asked = len(hfi.requests("GET"))
    session(str(folder.path), return_state=True)
    assert folder.state().reason == "all 4 trials made"
    assert not [each for each in hfi.requests("GET")[asked:] if "observations" in each.path], "nothing was left to do"
    config = stored_config(folder)
    resume_session(folder, config.model_copy(update={"total_trials": 6}))
    session(str(folder.path), return_state=True)
    assert folder.state().reason == "all 6 trials made"
    assert (folder.path / "baseline.json").read_bytes() == kept


def test_policies_that_are_not_ours_are_told_of(hfi, run):
    told = []

    def note(event):
        if isinstance(event, Note):
            told.append(event.text)

    theirs = {"metadata": {"name": "game-day", "version": "1.0.0"}, "spec": {"selector": {"service": "cart"}, "rules": [
        {"match": {"path": {"prefix": "/"}}, "fault": {"percentage": 1, "abort": {"httpStatus": 503}}}]}}  # fmt: skip
    httpx.post(f"{hfi.url}/v1/policies", json=theirs).raise_for_status()
    with listening(note):
        run(hfi.url, total_trials=2, initial_points=2)
    assert told == ["in force and not BOIFI's, so part of what counts as normal: game-day"]
    assert list(hfi.active()) == ["game-day"]


def test_a_stop_request_ends_after_the_running_trial(hfi, run, tmp_path):
    def respond(faults):
        if faults and len(hfi.injected()) == 4:
            (folder,) = (tmp_path / "sessions").iterdir()
            SessionFolder(folder).request_stop()
        return landscape(faults)

    hfi.respond = respond
    _, state, trials = run(hfi.url)
    assert (state.status, state.reason, len(trials)) == (SessionStatus.COMPLETED, "stopped", 4)


def test_ctrl_c_finishes_the_trial_though_it_ended_who_read_the_output_too(hfi, run):
    def hung_up(event):
        if isinstance(event, StopAsked):
            raise SystemExit(1)

    pressed = []

    def respond(faults):
        if faults and len(hfi.injected()) == 3 and not pressed:
            pressed.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return landscape(faults)

    hfi.respond = respond
    with listening(hung_up):
        _, state, trials = run(hfi.url)
    assert (state.status, state.reason, len(trials)) == (SessionStatus.COMPLETED, "stopped", 3)


def leave(hfi, name, duration_seconds=0):
    """Put a policy in force that nobody will remove."""
    fault = {"percentage": 1, "abort": {"httpStatus": 500}, "duration_seconds": duration_seconds}
    rules = [{"match": {"path": {"prefix": "/x"}}, "fault": fault}]
    hfi.apply({"metadata": {"name": name, "version": "1.0.0"}, "spec": {"selector": {}, "rules": rules}})


def test_leftovers_of_dead_sessions_are_swept_and_what_is_not_ours_is_left(hfi, run, tmp_path):
    dead = SessionFolder(tmp_path / "sessions" / str(uuid4()))
    dead.make({"created_at": "2026-01-01", "config": {}})
    leave(hfi, f"boifi-{dead.session_id[:8]}-0003-1")
    leave(hfi, "somebody-elses")
    run(hfi.url, total_trials=1, initial_points=1)
    assert set(hfi.active()) == {"somebody-elses"}


def test_a_session_waits_for_the_policies_of_sessions_elsewhere(hfi, run):
    leave(hfi, "boifi-00000000-0001", duration_seconds=2)
    seen = []
    hfi.respond = lambda faults: seen.append(set(hfi.active())) or landscape(faults)
    _, state, _ = run(hfi.url, total_trials=1, initial_points=1)
    assert state.status is SessionStatus.COMPLETED
    assert all("boifi-00000000-0001" not in names for names in seen)


def test_a_stop_while_others_have_the_target_ends_the_session_without_a_look_at_their_faults(hfi, run, tmp_path):
    leave(hfi, "boifi-00000000-0001")
    hfi.respond = lambda faults: {**HEALTHY, "status_code": 500, "error_rate": 1.0}

    def stop():
        while not hfi.requests("GET", "/v1/policies"):
            time.sleep(0.02)
        (folder,) = (tmp_path / "sessions").iterdir()
        SessionFolder(folder).request_stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    _, state, trials = run(hfi.url)
    stopper.join()
    assert (state.status, state.reason, trials) == (SessionStatus.COMPLETED, "stopped", [])


def test_several_faults_of_a_trial_are_applied_together(run):
    space = {
        "dimensions": [
            {"name": "a.delay_ms", "type": "integer", "min": 100, "max": 200},
            {"name": "b.abort_status_code", "type": "categorical", "values": [500, 503]},
        ],
        "fixed": {
            "a.fault_type": "delay",
            "a.target_path": "/ratings",
            "b.fault_type": "abort",
            "b.target_path": "/details",
        },
    }
    together = []
    with HfiServer() as hfi:
        hfi.respond = lambda faults: together.append(len(faults)) or landscape(faults)
        folder, _, trials = run(hfi.url, search_space=space, total_trials=3, initial_points=3)
    assert [len(t.plans) for t in trials] == [2, 2, 2]
    assert set(together) == {0, 2}
    names = [post.body["metadata"]["name"] for post in hfi.injected()]
    assert names[:2] == [f"boifi-{folder.session_id[:8]}-0001-1", f"boifi-{folder.session_id[:8]}-0001-2"]
