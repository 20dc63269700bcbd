"""How much, how fast and how long; what is logged and counted; alive and ready."""

import json
import socket
import threading
import time

import pytest
from facades import REQUEST, SESSIONS, add_trials, facade, made, refused, wait_for
from prometheus_client.parser import text_string_to_metric_families

from api import requests
from api.models import CreateSessionRequest
from api.settings import Settings
from boifi_core.errors import InvalidInput
from boifi_core.session.folder import sessions_in


@pytest.fixture
def api(tmp_path):
    with facade(tmp_path) as calls:
        yield calls


def test_a_client_that_asks_too_often_is_told_when_to_come_back(tmp_path):
    with facade(tmp_path, rate_limit="3/minute") as api:
        assert [api.get(SESSIONS).status_code for _ in range(3)] == [200] * 3
        answer = api.get(SESSIONS)
        refused(answer, 429, "rate_limited")
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert api.get("/health").status_code == 200


@pytest.mark.parametrize("by_s", [-7200.0, 7200.0])
def test_a_clock_that_is_set_keeps_nobody_out(tmp_path, monkeypatch, by_s):
    real = time.time
    with facade(tmp_path, rate_limit="3/minute") as api:
        assert [api.get(SESSIONS).status_code for _ in range(4)] == [200, 200, 200, 429]
        monkeypatch.setattr(time, "time", lambda: real() + by_s)
        assert [api.get(SESSIONS).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_sessions_have_a_limit_of_their_own(tmp_path):
    with facade(tmp_path, create_limit="2/minute") as api:
        assert api.post(f"{SESSIONS}/validate", json=REQUEST).status_code == 200
        assert api.post(SESSIONS, json=REQUEST).status_code == 202
        refused(api.post(SESSIONS, json=REQUEST), 429, "rate_limited")
        assert api.get(SESSIONS).status_code == 200


def test_who_guesses_keys_is_stopped(tmp_path):
    with facade(tmp_path, jwt_secret="s" * 32, failed_login_limit="3/minute") as api:
        tries = [api.get(SESSIONS, headers={"X-API-Key": f"boifi_{n}"}).status_code for n in range(5)]
    assert tries == [401, 401, 401, 429, 429]


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(tmp_path):
    with facade(tmp_path, max_body_bytes=5000) as api:
        refused(api.post(SESSIONS, content=b" " * 5001), 413, "too_large")
        refused(api.post(SESSIONS, content=(b" " * 1000 for _ in range(6))), 413, "too_large")
        assert api.post(SESSIONS, json=REQUEST).status_code == 202
    assert len(sessions_in(tmp_path)) == 1


def test_a_request_that_does_not_come_to_its_end_is_given_up(tmp_path):
    with facade(tmp_path, request_timeout_s=0.3) as api:
        host, port = api.base_url.host, api.base_url.port
        with socket.create_connection((host, port)) as slow:
            slow.sendall(
                f"POST {SESSIONS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                "Content-Length: 100\r\n\r\n{".encode()
            )
            slow.settimeout(10)
            answer = ""
            while not answer.endswith("}}"):
                answer += slow.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 504")
    assert '"code":"timed_out"' in answer


def test_pages_of_listed_origins_may_call(tmp_path):
    ask = {"Origin": "https://ops.example", "Access-Control-Request-Method": "POST"}
    with facade(tmp_path, cors_origins="https://ops.example") as api:
        allowed = api.options(SESSIONS, headers=ask)
        assert allowed.headers["access-control-allow-origin"] == "https://ops.example"
        assert api.options(SESSIONS, headers={**ask, "Origin": "https://x.example"}).status_code == 400
        got = api.get(SESSIONS, headers={"Origin": "https://ops.example"})
        assert got.headers["access-control-allow-origin"] == "https://ops.example"
    with facade(tmp_path) as api:
        assert "access-control-allow-origin" not in api.get("/health", headers=ask).headers


def test_alive_and_not_ready_without_prefect(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with facade(tmp_path) as api:
        assert api.get("/health").json() == {"status": "ok"}
        wait_for(lambda: "PREFECT" in api.get("/ready").text)
        refused(api.get("/ready"), 503, "not_ready")


def test_what_goes_wrong_here_is_one_error_and_one_log_line(capfd, tmp_path, monkeypatch):
    monkeypatch.setattr("api.answers.summary", None)
    monkeypatch.setattr("api.routes.sessions.summary", None)
    made(tmp_path)
    with facade(tmp_path) as api:
        wait_for(lambda: api.get(SESSIONS).status_code == 500)
        error = refused(api.get(SESSIONS), 500, "internal")
    assert "NoneType" not in error["message"]
    assert any("NoneType" in json.loads(line).get("exc_info", "") for line in capfd.readouterr().err.splitlines())


def test_logs_are_json_with_the_session(capfd, tmp_path):
    folder = made(tmp_path)
    with facade(tmp_path) as api:
        api.get(f"{SESSIONS}/{folder.session_id}?nothing=here")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    [line] = [line for line in lines if line["logger"] == "boifi.requests"]
    assert line["session_id"] == folder.session_id
    assert (line["status"], line["caller"], line["level"]) == (422, "local", "INFO")
    assert "nothing=here" not in line["message"]
    assert line["@timestamp"].endswith("+00:00")


def metrics(api):
    """Every sample, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(api.get("/metrics").text)
        for sample in family.samples
    }


def test_metrics_count_sessions_trials_and_requests(api, tmp_path):
    made(tmp_path, trials=3, status="COMPLETED")
    running = made(tmp_path, trials=2, status="RUNNING", reason="waiting for the target: session x has it")
    wait_for(lambda: metrics(api)["boifi_trials_total", "scored"] == 5)
    wait_for(lambda: metrics(api)["boifi_sessions", "RUNNING"] == 1)  # its state is written after its trials
    seen = metrics(api)
    assert seen["boifi_sessions", "COMPLETED"] == 1
    assert seen["boifi_sessions", "RUNNING"] == 1
    assert seen["boifi_sessions", "FAILED"] == 0
    assert seen["boifi_sessions_waiting",] == 1
    assert seen["boifi_trial_severity_count",] == 5
    assert seen["boifi_step_seconds_count", "observe"] == 5
    assert seen["boifi_step_seconds_sum", "observe"] == pytest.approx(5 * 0.25)
    assert seen["boifi_api_request_seconds_count", "/metrics", "200", "GET"] >= 1
    add_trials(running, [3])
    wait_for(lambda: metrics(api)["boifi_trials_total", "scored"] == 6)
    assert metrics(api)["boifi_executor_retries_total",] == 0
    add_trials(running, [4], retries=2)
    add_trials(running, [5], retries=5, status="failed", score=None, observation=None)
    wait_for(lambda: metrics(api)["boifi_trials_total", "failed"] == 1)
    assert metrics(api)["boifi_executor_retries_total",] == 7
    assert metrics(api)["boifi_executor_errors_total", "failed"] == 1
    api.get(f"{SESSIONS}/{running.session_id}")
    api.get("/nothing")
    seen = metrics(api)
    assert seen["boifi_api_request_seconds_count", SESSIONS + "/{session_id}", "200", "GET"] == 1
    assert seen["boifi_api_request_seconds_count", "404", "GET", "none"] == 1


def test_a_server_of_names_that_does_not_answer_holds_no_request_up(tmp_path, monkeypatch):
    asked = threading.Event()
    monkeypatch.setattr(requests, "RESOLVE_S", 0.05)
    monkeypatch.setattr("boifi_core.safety.allowed_targets.resolved", lambda host, port: asked.wait(60) and [])
    request = CreateSessionRequest(**REQUEST | {"executor_endpoint": "http://slow.example"})
    with pytest.raises(InvalidInput, match="executor_endpoint: must have a host whose name resolves"):
        requests.checked(request, Settings(data=tmp_path))
    asked.set()
