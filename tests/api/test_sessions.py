"""Sessions over HTTP: created, listed, looked at, stopped, deleted."""

import json
import threading
import time

import pytest
from facades import REQUEST, SESSIONS, facade, made, refused, set_state, wait_for

from api import heavy
from api.models import CreateSessionRequest
from api.requests import checked
from api.settings import Settings
from boifi_core.errors import InvalidInput
from boifi_core.session.config import parse_session
from boifi_core.session.folder import SessionFolder, sessions_in


@pytest.fixture
def api(tmp_path):
    with facade(tmp_path) as calls:
        yield calls


def test_a_session_is_recorded_and_pending(api, tmp_path):
    answer = api.post(SESSIONS, json=REQUEST)
    assert answer.status_code == 202, answer.text
    created = answer.json()
    assert created["status"] == "PENDING"
    folder = SessionFolder(tmp_path / "sessions" / created["session_id"])
    config = parse_session(folder.session()["config"])
    assert (config.total_trials, config.initial_points, config.name) == (60, 10, "ratings-delay")
    assert config.executor.endpoint == "http://127.0.0.1:8080"
    assert config.seed is not None
    seen = api.get(created["links"]["self"]).json()
    assert seen["status"] == "PENDING"
    assert seen["created_by"] == "local"
    assert seen["progress"] == {"current_iteration": 0, "total_iterations": 60}
    assert seen["best_result"] is None
    assert seen["time_left_s"] is None


def test_the_plans_own_request_works(tmp_path, monkeypatch):
    monkeypatch.setattr("boifi_core.safety.allowed_targets.resolved", lambda host, port: ["10.1.2.3"])
    body = {
        "search_space_config": REQUEST["search_space_config"],
        "total_trials": 10,
        "initial_points": 5,
        "executor_endpoint": "http://mock-executor:9090",
    }
    request = CreateSessionRequest(**body)
    with pytest.raises(InvalidInput, match="allowed_targets"):
        checked(request, Settings(data=tmp_path))
    heavy.made(request, Settings(data=tmp_path, allowed_targets="mock-executor"), "an-id", {})
    [folder] = sessions_in(tmp_path)
    assert folder.session()["config"]["executor"]["endpoint"] == "http://mock-executor:9090"


def test_the_rest_of_a_session_file_is_taken(tmp_path):
    rest = {
        "search_space": REQUEST["search_space_config"],
        "executor": {"endpoint": "http://localhost:8080", "timeout_s": 7, "token": "${BOIFI_EXECUTOR_TOKEN}"},
        "guardrails": {"max_percentage": 80},
        "optimizer": {"acquisition": "ucb"},
        "total_trials": 5,
    }
    with facade(tmp_path, secret_hosts={"BOIFI_EXECUTOR_TOKEN": ["loopback"]}) as api:
        assert api.post(SESSIONS, json=rest).status_code == 202
    [folder] = sessions_in(tmp_path)
    config = folder.session()["config"]
    assert config["executor"] == {**config["executor"], "timeout_s": 7.0, "token": "${BOIFI_EXECUTOR_TOKEN}"}
    assert config["guardrails"]["max_percentage"] == 80
    assert config["optimizer"]["acquisition"] == "ucb"
    assert config["initial_points"] == 5


BAD = [
    ({"total_trials": 0}, "total_trials", "must be at least 1, got 0"),
    ({"total_trials": "many"}, "total_trials", "must be a whole number, got 'many'"),
    ({"total_trials": 20_000}, "total_trials", "must be at most 10000 here, got 20000"),
    ({"trials": 5}, "trials", "unknown key"),
    ({"search_space_config": None}, "search_space_config", "is required"),
    ({"search_space_config": {"dimensions": []}}, "search_space_config.dimensions", ""),
    (
        {"search_space_config": {"dimensions": [{"name": "percentage", "type": "integer", "min": 9, "max": 2}]}},
        "search_space_config.dimensions[0]",
        "",
    ),
    ({"search_space": []}, "search_space", "must not be given together with search_space_config"),
    ({"initial_points": 61}, "initial_points", "must be at most total_trials (60), got 61"),
    ({"executor_endpoint": None}, "executor_endpoint", "is required"),
    ({"executor_endpoint": "ftp://127.0.0.1"}, "executor_endpoint", "must be an http:// or https:// URL"),
    ({"executor_endpoint": "http://169.254.169.254"}, "executor_endpoint", "must not be a link-local"),
    ({"executor_endpoint": "http://10.0.0.1"}, "executor_endpoint", "must be one of the targets"),
    ({"executor": {"timout_s": 3}}, "executor.timout_s", "unknown key; did you mean timeout_s?"),
    ({"executor": {"endpoint": "http://127.0.0.1:1"}}, "executor.endpoint", "must not be given together"),
    ({"guardrails": {"max_percentage": 200}}, "guardrails.max_percentage", "must be at most 100, got 200"),
    ({"optimizer": {"surrogate": "oracle"}}, "optimizer.surrogate", "must be one of"),
    ({"observer": {"type": "probe", "requests": [{"url": "http://10.0.0.1/"}]}}, "observer.requests[0].url", ""),
    (
        {"observer": {"type": "probe", "requests": [
            {"url": "http://127.0.0.1/", "headers": {"X-Leak": "${AWS_SECRET_ACCESS_KEY}"}}]}},
        "observer.requests[0].headers.X-Leak",
        "must name a variable",
    ),
    (
        {"observer": {"type": "probe", "requests": [{"url": "http://127.0.0.1/"}],
                      "traces": {"type": "tempo", "endpoint": "http://10.9.9.9"}}},
        "observer.traces.endpoint",
        "must be one of the targets",
    ),
    (
        {"observer": {"type": "probe", "requests": [{"url": "http://127.0.0.1/"}],
                      "traces": {"type": "otlp", "host": "0.0.0.0"}}},
        "observer.traces.host",
        "must be loopback",
    ),
    ({"warm_start": ["no-such-session"]}, "warm_start", ""),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "rule"), BAD, ids=[field for _, field, _ in BAD])
def test_what_cannot_work_is_refused_with_its_field_and_makes_nothing(api, tmp_path, change, field, rule):
    body = {**REQUEST, **change}
    error = refused(api.post(SESSIONS, json=body), 422, "invalid_input")
    assert error["details"][0]["field"].startswith(field), error
    assert rule in error["message"]
    assert "hunter2" not in json.dumps(error)
    assert sessions_in(tmp_path) == []


@pytest.mark.parametrize("change", [change for change, field, _ in BAD if field != "warm_start"])
def test_validation_refuses_the_same(api, change):
    refused(api.post(f"{SESSIONS}/validate", json={**REQUEST, **change}), 422, "invalid_input")


def test_validation_starts_nothing(api, tmp_path):
    answer = api.post(f"{SESSIONS}/validate", json=REQUEST)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"valid": True, "dimensions": 4, "points": 1438164, "faults": 1438164, "warnings": []}
    assert sessions_in(tmp_path) == []


def test_what_is_no_json_is_malformed(api):
    headers = {"content-type": "application/json"}
    refused(api.post(SESSIONS, content=b'{"total', headers=headers), 400, "malformed")
    refused(api.post(SESSIONS, content=b"[1]", headers=headers), 422, "invalid_input")
    refused(api.post(SESSIONS, content=b"\xff\xfe", headers=headers), 400, "malformed")


def test_every_field_that_is_wrong_is_named(api):
    error = refused(api.post(SESSIONS, json={**REQUEST, "total_trials": 0, "foo": 1}), 422, "invalid_input")
    assert {detail["field"] for detail in error["details"]} == {"total_trials", "foo"}


def test_the_same_key_makes_one_session(api, tmp_path):
    headers = {"Idempotency-Key": "a-1"}
    first = api.post(SESSIONS, json=REQUEST, headers=headers)
    again = api.post(SESSIONS, json=REQUEST, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["session_id"] == first.json()["session_id"]
    assert again.headers["idempotency-replayed"] == "true"
    refused(api.post(SESSIONS, json={**REQUEST, "seed": 5}, headers=headers), 422, "idempotency_key_reused")
    other = api.post(SESSIONS, json=REQUEST, headers={"Idempotency-Key": "a-2"})
    assert other.json()["session_id"] != first.json()["session_id"]
    assert len(sessions_in(tmp_path)) == 2


def test_a_key_of_a_refused_request_can_be_used_again(api):
    headers = {"Idempotency-Key": "b"}
    refused(api.post(SESSIONS, json={**REQUEST, "executor_endpoint": "http://10.0.0.1"}, headers=headers), 422,
            "invalid_input")  # fmt: skip
    assert api.post(SESSIONS, json=REQUEST, headers=headers).status_code == 202


def test_a_key_outlives_the_database(tmp_path):
    headers = {"Idempotency-Key": "c"}
    with facade(tmp_path) as api:
        first = api.post(SESSIONS, json=REQUEST, headers=headers).json()
    for file in tmp_path.glob("boifi.db*"):
        file.unlink()
    with facade(tmp_path) as api:
        assert api.post(SESSIONS, json=REQUEST, headers=headers).json()["session_id"] == first["session_id"]


def test_sessions_are_listed_newest_first_page_by_page_and_by_status(api, tmp_path):
    ids = [made(tmp_path, status="COMPLETED" if n % 2 else "FAILED").session_id for n in range(7)][::-1]
    wait_for(lambda: api.get(SESSIONS).json()["total"] == 7)
    seen, cursor = [], None
    while True:
        page = api.get(SESSIONS, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        assert page["total"] == 7
        seen += [session["session_id"] for session in page["sessions"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids
    failed = api.get(SESSIONS, params={"status": "FAILED"}).json()
    assert [session["session_id"] for session in failed["sessions"]] == ids[0::2]
    assert failed["total"] == 4


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"status": "completed"}, {"cursor": "WzEsMl0="}, {"cursor": "é"}, {"page": 2}],
)
def test_a_list_is_asked_for_soundly(api, query):
    refused(api.get(SESSIONS, params=query), 422, "invalid_input")


def test_a_session_tells_how_far_it_is(api, tmp_path):
    folder = made(tmp_path, trials=5, status="RUNNING")
    seen = api.get(f"{SESSIONS}/{folder.session_id}").json()
    assert seen["status"] == "RUNNING"
    assert seen["progress"] == {"current_iteration": 5, "total_iterations": 12}
    assert seen["best_result"]["iteration"] == 5
    assert seen["best_result"]["fault_plans"][0]["delay_ms"] == 500
    assert seen["time_left_s"] == pytest.approx(7 * 2.0, rel=0.05)
    set_state(folder, "COMPLETED", "all 12 trials made")
    seen = api.get(f"{SESSIONS}/{folder.session_id}").json()
    assert (seen["status"], seen["reason"], seen["time_left_s"]) == ("COMPLETED", "all 12 trials made", 0)


@pytest.mark.parametrize("session_id", ["none", "00000000-0000-4000-8000-000000000000", "..", "a%00b", "x" * 300])
@pytest.mark.parametrize("tail", ["", "/trials", "/report", "/events"])
def test_a_session_that_is_not_there_is_not_found(api, session_id, tail):
    assert api.get(f"{SESSIONS}/{session_id}{tail}").status_code == 404


def test_a_stop_is_asked_for_once_or_more(api, tmp_path):
    folder = made(tmp_path, trials=2, status="RUNNING")
    for _ in range(2):
        answer = api.post(f"{SESSIONS}/{folder.session_id}/stop")
        assert (answer.status_code, answer.json()) == (
            202,
            {"session_id": folder.session_id, "status": "stopping"},
        )
    assert folder.stop_requested()
    assert api.get(f"{SESSIONS}/{folder.session_id}").json()["status"] == "STOPPING"
    set_state(folder, "COMPLETED", "stopped")
    refused(api.post(f"{SESSIONS}/{folder.session_id}/stop"), 409, "already_ended")


def test_a_session_that_never_began_ends_at_once(api):
    session_id = api.post(SESSIONS, json=REQUEST).json()["session_id"]
    assert api.post(f"{SESSIONS}/{session_id}/stop").status_code == 202
    seen = api.get(f"{SESSIONS}/{session_id}").json()
    assert (seen["status"], seen["reason"]) == ("COMPLETED", "stopped before it began")


def test_only_what_has_ended_is_deleted(api, tmp_path):
    folder = made(tmp_path, trials=2, status="RUNNING")
    refused(api.delete(f"{SESSIONS}/{folder.session_id}"), 409, "not_ended")
    set_state(folder, "FAILED", "cancelled")
    with folder.held():
        refused(api.delete(f"{SESSIONS}/{folder.session_id}"), 409, "not_ended")
    assert api.delete(f"{SESSIONS}/{folder.session_id}").status_code == 204
    assert not folder.path.exists()
    assert list((tmp_path / "sessions").iterdir()) == []
    refused(api.get(f"{SESSIONS}/{folder.session_id}"), 404, "not_found")
    assert api.get(SESSIONS).json()["total"] == 0


def test_a_process_that_is_about_to_let_its_ended_session_go_is_waited_for(api, tmp_path):
    folder = made(tmp_path, trials=2, status="COMPLETED")
    is_held = threading.Event()

    def hold():
        with folder.held():
            is_held.set()
            time.sleep(0.3)

    holding = threading.Thread(target=hold)
    holding.start()
    is_held.wait()
    assert api.delete(f"{SESSIONS}/{folder.session_id}").status_code == 204
    holding.join()
    assert not folder.path.exists()


def test_no_more_sessions_than_there_is_room_for(tmp_path):
    with facade(tmp_path, max_active_sessions=1) as api:
        first = api.post(SESSIONS, json=REQUEST).json()["session_id"]
        refused(api.post(SESSIONS, json=REQUEST), 429, "too_many_sessions")
        api.post(f"{SESSIONS}/{first}/stop")
        wait_for(lambda: api.post(SESSIONS, json=REQUEST).status_code == 202)


def test_who_did_what_is_kept(api, tmp_path):
    session_id = api.post(SESSIONS, json=REQUEST).json()["session_id"]
    api.post(f"{SESSIONS}/{session_id}/stop")
    api.delete(f"{SESSIONS}/{session_id}")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["action"], line["caller"], line["session_id"]) for line in lines] == [
        ("created", "local", session_id),
        ("stop requested", "local", session_id),
        ("deleted", "local", session_id),
    ]


@pytest.mark.parametrize("ids", [["0000"], ["../../../etc/passwd"]], ids=["unknown", "no id"])
def test_earlier_sessions_are_looked_for_when_a_request_is_checked_too(api, ids):
    body = {**REQUEST, "warm_start": ids}
    told = [refused(api.post(path, json=body), 422, "invalid_input") for path in (SESSIONS, f"{SESSIONS}/validate")]
    assert told[0] == told[1]
    assert told[0]["details"][0]["field"] == "warm_start[0]"
