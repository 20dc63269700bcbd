"""What a request may be: its method, its path, the type of its body, and JSON of which nothing is dropped."""

import json

import httpx
import pytest
from facades import REQUEST, SESSIONS, facade, made, refused

from boifi_core.models import SessionStatus


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def folder(data):
    return made(data, 3, SessionStatus.COMPLETED)


@pytest.fixture(scope="module")
def api(data, folder):
    with facade(data) as calls:
        yield calls


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (SESSIONS, "GET, HEAD, POST"),
        (f"{SESSIONS}/ID", "DELETE, GET, HEAD"),
        (f"{SESSIONS}/ID/stop", "POST"),
        (f"{SESSIONS}/ID/trials", "GET, HEAD"),
        ("/health", "GET, HEAD"),
    ],
)
def test_what_else_can_be_done_at_a_path_is_said(api, folder, path, allowed):
    answer = api.put(path.replace("ID", folder.session_id))
    assert allowed in refused(answer, 405, "method_not_allowed")["message"]
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", [SESSIONS, f"{SESSIONS}/ID", f"{SESSIONS}/ID/report?format=html", f"{SESSIONS}/none", "/health", "/metrics"]
)
def test_head_is_get_without_its_body(api, folder, path):
    url = path.replace("ID", folder.session_id)
    head, get = api.head(url), api.get(url)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_head_of_a_stream_that_has_no_end_is_answered(api, data):
    running = made(data, 1, SessionStatus.RUNNING)
    with running.held():
        answer = api.head(f"{SESSIONS}/{running.session_id}/events")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert api.get("/health").is_success  # by the same connection


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", None])
def test_a_body_of_another_type_is_answered_with_the_type_that_is_wanted(api, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    answer = api.post(SESSIONS, content=json.dumps(REQUEST), headers=headers)
    assert "application/json" in refused(answer, 415, "unsupported_media_type")["message"]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/vnd.api+json"])
def test_a_body_that_says_it_is_json_is_read(api, kind):
    answer = api.post(f"{SESSIONS}/validate", content=json.dumps(REQUEST), headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", [f"{SESSIONS}/", f"{SESSIONS}/ID/", "/health/", "/nothing"])
def test_a_path_that_is_none_is_answered_like_all_others(api, folder, path):
    message = refused(api.get(path.replace("ID", folder.session_id)), 404, "not_found")["message"]
    assert ("without the /" in message) == path.endswith("/")


@pytest.mark.parametrize("within", ['{%s, "total_trials": 3, "total_trials": 4}', '{%s, "analyzer": {"a": 1, "a": 1}}'])
def test_a_key_that_stands_twice_is_refused(api, within):
    text = within % json.dumps(REQUEST)[1:-1]
    answer = api.post(f"{SESSIONS}/validate", content=text, headers={"Content-Type": "application/json"})
    assert "stands twice" in refused(answer, 400, "malformed")["message"]


def test_what_has_no_body_has_no_type_of_one(data, folder):
    other = made(data, 1, SessionStatus.COMPLETED)
    with facade(data) as api:
        answer = api.delete(f"{SESSIONS}/{other.session_id}")
    assert answer.status_code == 204
    assert not {"content-type", "content-length"} & answer.headers.keys()
    assert isinstance(answer, httpx.Response)
