"""The whole life of sessions over REST, against a real service: `python -m scripts.service_life`.

It starts `boifi serve` and the embedded target on free ports, or takes running ones (`--api URL --target URL`), does
with them what a tool would, and says so line by line. It ends at the first thing that is not as it should be.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pandas

from demo.target import start_target

SESSIONS = "/v1/optimization/sessions"
AT_ONCE = 10
START_TIMEOUT_S = 120.0
END_TIMEOUT_S = 300.0

SPACE = {
    "dimensions": [
        {"name": "fault_type", "type": "categorical", "values": ["abort"]},
        {"name": "target_service", "type": "categorical", "values": ["bank", "cart", "pricing", "reviews"]},
        {"name": "percentage", "type": "integer", "min": 10, "max": 100},
        {"name": "abort_status_code", "type": "categorical", "values": [429, 500, 503]},
    ]
}
PATIENT = {"weights": {"bug": 1, "perf": 8, "struct": 1}, "baseline_latency_ms": 5000, "threshold_latency_ms": 9000}
"""A machine that is busy with ten sessions makes the shop slow: that is no reason to stop here."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--api", help="the facade of a running service")
    parser.add_argument("--target", help="a running control plane")
    given = parser.parse_args()
    with ExitStack() as stack:
        target = given.target or stack.enter_context(start_target()).control_plane
        api = given.api or stack.enter_context(_service())
        with httpx.Client(base_url=api, timeout=30, trust_env=False) as http:
            _walk(http, target)


def _walk(http: httpx.Client, target: str) -> None:
    request = {
        "search_space_config": SPACE, "total_trials": 4, "initial_points": 4, "executor_endpoint": target,
        "baseline_observations": 1, "analyzer": PATIENT, "confirm": {"share": 0}, "minimise": {"share": 0},
    }  # fmt: skip
    _until(lambda: _answers(http, "/ready"), START_TIMEOUT_S, "ready")
    _say("refused", f"{_bad_requests(http, request)} bad requests, each with its code")
    checked = http.post(f"{SESSIONS}/validate", json=request)
    _expect(checked, 200)
    key = str(uuid.uuid4())
    first = _created(http, request, key)
    assert _created(http, request, key) == first
    _say("created", first)
    _say("watched", _watched(http, first))
    _said_how_it_ended(http, first, 4)
    _say("listed", f"{http.get(SESSIONS, params={'status': 'COMPLETED'}).json()['total']} completed")
    _say("trials", _trials(http, first, 4))
    _say("report", _reports(http, first))
    _expect(http.post(f"{SESSIONS}/{first}/stop"), 409, "already_ended")
    stopped = _created(http, {**request, "total_trials": 500})
    _until(lambda: _of(http, stopped)["progress"]["current_iteration"] > 0, END_TIMEOUT_S, "its first trial")
    _expect(http.delete(f"{SESSIONS}/{stopped}"), 409, "not_ended")
    _expect(http.post(f"{SESSIONS}/{stopped}/stop"), 202)
    _until(lambda: _of(http, stopped)["status"] == "COMPLETED", END_TIMEOUT_S, "its end")
    assert _of(http, stopped)["reason"] == "stopped"
    _say("stopped", f"after {_of(http, stopped)['progress']['current_iteration']} trials")
    many = [_created(http, {**request, "name": f"one-of-{AT_ONCE}", "total_trials": 2, "initial_points": 2})
            for _ in range(AT_ONCE)]  # fmt: skip
    _until(lambda: all(_of(http, one)["status"] in ("COMPLETED", "FAILED") for one in many), END_TIMEOUT_S, "all ends")
    for one in many:
        _said_how_it_ended(http, one, 2)
    _say("at once", f"{AT_ONCE} sessions, all completed")
    for one in (first, stopped, *many):
        _expect(http.delete(f"{SESSIONS}/{one}"), 204)
        _expect(http.get(f"{SESSIONS}/{one}"), 404, "not_found")
    _say("deleted", f"{AT_ONCE + 2} sessions")
    policies = httpx.get(f"{target}/v1/policies", trust_env=False).json()["policies"]
    assert not policies, policies
    _say("target", "no policy is left")


def _bad_requests(http: httpx.Client, request: dict[str, Any]) -> int:
    """Requests of every bad kind; returns how many there are."""
    nowhere = f"{SESSIONS}/00000000-0000-4000-8000-000000000000"
    without_space = {name: value for name, value in request.items() if name != "search_space_config"}
    bad: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("POST", SESSIONS, {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed"),
        ("POST", SESSIONS, {"json": [1]}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": without_space}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "trials": 5}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "total_trials": 0}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "total_trials": "many"}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "search_space_config": {"dimensions": []}}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "executor_endpoint": "ftp://x"}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "executor_endpoint": "http://10.0.0.1"}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "executor_endpoint": "http://169.254.169.254"}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "executor": {"token": "secret"}}}, 422, "invalid_input"),
        ("POST", SESSIONS, {"json": {**request, "name": "x" * 2_000_000}}, 413, "too_large"),
        ("POST", f"{SESSIONS}?dry=1", {"json": request}, 422, "invalid_input"),
        ("POST", f"{SESSIONS}/validate", {"json": {**request, "seed": -1}}, 422, "invalid_input"),
        ("PUT", SESSIONS, {"json": request}, 405, "method_not_allowed"),
        ("GET", "/v1/nothing", {}, 404, "not_found"),
        ("GET", f"{SESSIONS}?status=DONE", {}, 422, "invalid_input"),
        ("GET", f"{SESSIONS}?limit=0", {}, 422, "invalid_input"),
        ("GET", f"{SESSIONS}?cursor=x", {}, 422, "invalid_input"),
        ("GET", nowhere, {}, 404, "not_found"),
        ("GET", f"{nowhere}/trials", {}, 404, "not_found"),
        ("POST", f"{nowhere}/stop", {}, 404, "not_found"),
        ("DELETE", nowhere, {}, 404, "not_found"),
    ]
    for method, path, options, status, code in bad:
        _expect(http.request(method, path, **options), status, code)
    return len(bad)


def _watched(http: httpx.Client, session_id: str) -> str:
    """Follow the events to the end; halfway the connection is given up, and taken up where it was."""
    seen: list[tuple[str, str]] = []
    for leave_after in (2, None):
        headers = {"Last-Event-ID": seen[-1][1]} if seen else {}
        with http.stream("GET", f"{SESSIONS}/{session_id}/events", headers=headers, timeout=END_TIMEOUT_S) as answer:
            for event in _events(answer.iter_lines()):
                seen.append(event)
                if leave_after is not None and len(seen) >= leave_after:
                    break
    trials = [last for name, last in seen if name == "trial"]
    assert len(set(trials)) == len(trials) == 4, seen
    assert seen[-1][0] == "end", seen
    return f"{len(seen)} events, {len(trials)} of them trials"


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Name and id of each event that has an id."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "id" in fields:
            yield fields["event"], fields["id"]
        fields = {}


def _trials(http: httpx.Client, session_id: str, count: int) -> str:
    where = f"{SESSIONS}/{session_id}/trials"
    table = pandas.read_parquet(io.BytesIO(http.get(where, params={"format": "parquet"}).content))
    assert list(table["trial"]) == list(range(1, count + 1))
    assert http.get(where).json()["total"] == count
    for form in ("csv", "jsonl"):
        assert http.get(where, params={"format": form}).text.count("\n") >= count, form
    return f"{count} rows of {len(table.columns)} columns as Parquet"


def _reports(http: httpx.Client, session_id: str) -> str:
    made = {
        form: http.get(f"{SESSIONS}/{session_id}/report", params={"format": form}) for form in ("md", "html", "json")
    }
    for answer in made.values():
        _expect(answer, 200)
    assert made["md"].text.startswith("# ")
    assert json.loads(made["json"].text)["session_id"] == session_id
    return ", ".join(f"{len(answer.content)} bytes {form}" for form, answer in made.items())


def _said_how_it_ended(http: httpx.Client, session_id: str, count: int) -> None:
    _until(lambda: _of(http, session_id)["status"] in ("COMPLETED", "FAILED"), END_TIMEOUT_S, "the end")
    session = _of(http, session_id)
    assert (session["status"], session["reason"]) == ("COMPLETED", f"all {count} trials made"), session
    assert session["links"]["prefect"], session


def _created(http: httpx.Client, request: dict[str, Any], key: str | None = None) -> str:
    answer = http.post(SESSIONS, json=request, headers={"Idempotency-Key": key} if key else None)
    _expect(answer, 202)
    session_id: str = answer.json()["session_id"]
    return session_id


def _of(http: httpx.Client, session_id: str) -> Any:
    answer = http.get(f"{SESSIONS}/{session_id}")
    _expect(answer, 200)
    return answer.json()


def _answers(http: httpx.Client, path: str) -> bool:
    try:
        return http.get(path).is_success
    except httpx.HTTPError:
        return False


def _expect(answer: httpx.Response, status: int, code: str | None = None) -> None:
    said = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code == status, said
    assert code is None or answer.json()["error"]["code"] == code, said


def _until(condition: Callable[[], bool], limit_s: float, what: str) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        time.sleep(0.2)


def _say(what: str, more: str) -> None:
    print(f"{what:<10}{more}", flush=True)


@contextmanager
def _service() -> Iterator[str]:
    """A service of our own on a free port; its facade's address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--out", data]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("BOIFI_", "PREFECT_"))}
        service = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(90)


if __name__ == "__main__":
    main()
