"""What a request may not say itself, and has from the operator by name; where secrets may go."""

import ast
import json
import shutil
from importlib import import_module
from pathlib import Path

import certifi
import pytest
from facades import REQUEST, SESSIONS, facade, refused
from pydantic import ValidationError

import boifi_core.space
from api.models import CreateSessionRequest
from api.settings import Settings
from boifi_core.safety.keys import keys
from boifi_core.session.config import SessionConfig
from boifi_core.session.folder import sessions_in
from boifi_core.value import Whose

HARMLESS = set((Path(__file__).parent / "harmless_keys.txt").read_text().split())
"""Keys that anybody may say: they name no file, command, script or module of the machine, and no secret of its."""

FILES = ("ca_file", "client_cert_file", "client_key_file")
ONLY_PROVIDED = {f"{part}.{file}" for part in ("executor", "observer", "observer.traces") for file in FILES} | {
    f"{part}.schema_file" for part in ("expect", "observer.requests.expect")
}

LOGINS = ("token", "basic_auth", "basic_auth.password", "headers")
BOUND_TO_HOSTS = {f"{part}.{login}" for part in ("executor", "observer.traces") for login in LOGINS} | {
    "observer.requests.headers"
}

SPACE = "search_space"


def test_every_key_of_a_session_is_sorted_into_harmless_provided_only_or_bound_to_hosts():
    """Whoever adds a key marks it in its model (`Whose`), or writes it into harmless_keys.txt, and knows why."""
    found = [*keys(SessionConfig), *((name, None) for name in CreateSessionRequest.model_fields), *_keys_of_space()]
    sorted_by_mark = {
        mark: {name for name, whose in found if whose is mark} for mark in (None, Whose.OPERATOR, Whose.SECRET)
    }
    assert sorted_by_mark == {None: HARMLESS, Whose.OPERATOR: ONLY_PROVIDED, Whose.SECRET: BOUND_TO_HOSTS}


def _keys_of_space():
    """The search space has no model: its keys are those that its reader knows."""
    for path in Path(boifi_core.space.__file__).parent.glob("*.py"):
        module = import_module(f"boifi_core.space.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "refuse_unknown_keys":
                known = node.args[1]
                if isinstance(known, ast.Name):
                    texts = getattr(module, known.id)
                else:
                    texts = [each.value for each in ast.walk(known) if isinstance(each, ast.Constant)]
                assert texts, ast.unparse(node)
                yield from ((f"{SPACE}.{text}", None) for text in texts)


@pytest.fixture
def authority(tmp_path):
    return Path(shutil.copy(certifi.where(), tmp_path / "authority.pem"))


@pytest.fixture
def api(tmp_path, authority):
    provided = {
        "staging": {"endpoint": "http://127.0.0.1:8080", "timeout_s": 7, "ca_file": str(authority)},
        "authority": str(authority),
        "gone": str(tmp_path / "gone.pem"),
        "written-out": {"endpoint": "http://127.0.0.1:8080", "token": "hunter2"},
        "far": {"endpoint": "http://10.1.2.3"},
        "backend": {"type": "tempo", "endpoint": "http://127.0.0.1:3200", "token": "${TEMPO_TOKEN}"},
    }
    (tmp_path / "provided.yaml").write_text(json.dumps(provided))
    hosts = {
        "BOIFI_EXECUTOR_TOKEN": ["127.0.0.1", "mesh.local:8080", "10.0.0.0/8"],
        "TEMPO_TOKEN": ["loopback"],
        "ELSEWHERE": ["mesh.local"],
    }
    allowed = "loopback,10.0.0.0/8"
    data = tmp_path / "data"
    with facade(data, provided=tmp_path / "provided.yaml", secret_hosts=hosts, allowed_targets=allowed) as calls:
        yield calls


def without_endpoint(**change):
    return {name: value for name, value in {**REQUEST, **change}.items() if name != "executor_endpoint"}


def probe(**traces):
    return {"type": "probe", "requests": [{"url": "http://127.0.0.1:8081/"}], **({"traces": traces} if traces else {})}


def stored(tmp_path):
    [folder] = sessions_in(tmp_path / "data")
    return folder.session()["config"]


def test_a_whole_block_is_had_by_its_name(api, tmp_path, authority):
    answer = api.post(SESSIONS, json=without_endpoint(executor={"provided": "staging"}))
    assert answer.status_code == 202, answer.text
    executor = stored(tmp_path)["executor"]
    assert (executor["endpoint"], executor["timeout_s"]) == ("http://127.0.0.1:8080", 7.0)
    assert executor["ca_file"] == str(authority)


def test_a_single_value_is_had_by_its_name(api, tmp_path, authority):
    answer = api.post(SESSIONS, json={**REQUEST, "executor": {"ca_file": {"provided": "authority"}}})
    assert answer.status_code == 202, answer.text
    assert stored(tmp_path)["executor"]["ca_file"] == str(authority)


def test_a_block_within_a_block_is_had_by_its_name(api, tmp_path):
    body = {**REQUEST, "observer": {**probe(), "traces": {"provided": "backend"}}}
    answer = api.post(SESSIONS, json=body)
    assert answer.status_code == 202, answer.text
    assert stored(tmp_path)["observer"]["traces"]["token"] == "${TEMPO_TOKEN}"


def test_a_schema_of_answers_is_had_by_its_name(api, tmp_path, authority):
    request = {"url": "http://127.0.0.1:8081/", "expect": {"schema_file": {"provided": "authority"}}}
    body = {**REQUEST, "observer": {"type": "probe", "requests": [request]}, "expect": "learnt"}
    answer = api.post(SESSIONS, json=body)
    assert answer.status_code == 202, answer.text
    kept = stored(tmp_path)
    assert kept["observer"]["requests"][0]["expect"] == {"schema_file": str(authority)}
    assert kept["expect"] == {"learn": True}


def test_what_looks_like_it_in_what_a_probe_sends_is_sent(api, tmp_path):
    request = {"url": "http://127.0.0.1:8081/", "method": "POST", "body": {"provided": "staging"}}
    answer = api.post(SESSIONS, json={**REQUEST, "observer": {"type": "probe", "requests": [request]}})
    assert answer.status_code == 202, answer.text
    assert stored(tmp_path)["observer"]["requests"][0]["body"] == {"provided": "staging"}


REFUSED = [
    ({"executor": {"ca_file": "/etc/passwd"}}, "executor.ca_file", "must be {provided: NAME}"),
    ({"executor": {"ca_file": "no-such-file"}}, "executor.ca_file", "must be {provided: NAME}"),
    ({"executor": {"client_key_file": "/etc/key"}}, "executor.client_key_file", "must be {provided: NAME}"),
    (
        {"executor": {"basic_auth": {"user": "me", "password": "hunter2"}}},
        "executor.basic_auth.password",
        "must be ${NAME}",
    ),
    (
        {"executor": {"basic_auth": {"user": "me", "password": "${BOIFI_JWT_SECRET}"}}},
        "executor.basic_auth.password",
        "must name a variable that this service sends somewhere",
    ),
    (
        {"executor": {"headers": {"x-key": "${BOIFI_JWT_SECRET}"}}},
        "executor.headers.x-key",
        "must name a variable that this service sends somewhere",
    ),
    ({"executor": {"ca_file": ["/etc/passwd"]}}, "executor.ca_file", "must be {provided: NAME}"),
    ({"executor": {"ca_file": {"path": "/etc/passwd"}}}, "executor.ca_file", "must be {provided: NAME}"),
    (
        {"observer": probe(type="tempo", endpoint="http://127.0.0.1:1", ca_file="/etc/passwd")},
        "observer.traces.ca_file",
        "must be {provided: NAME}",
    ),
    ({"expect": {"schema_file": "/etc/passwd"}}, "expect.schema_file", "must be {provided: NAME}"),
    (
        {"observer": {"type": "probe", "requests": [
            {"url": "http://127.0.0.1/", "expect": {"schema_file": "/nowhere"}}]}},
        "observer.requests[0].expect.schema_file",
        "must be {provided: NAME}",
    ),
    ({"executor": {"provided": "nothing"}}, "executor.provided", "must be a name that this service provides"),
    ({"executor": {"provided": ["staging"]}}, "executor.provided", "must be a name that this service provides"),
    ({"executor": {"provided": "staging", "timeout_s": 3}}, "executor.provided", "must stand alone"),
    ({"executor": {"provided": "staging"}}, "executor.endpoint", "must not be given together with executor_endpoint"),
    ({"executor": {"provided": "authority"}}, "executor.provided", "must be the name of a block"),
    ({"executor": {"ca_file": {"provided": "staging"}}}, "executor.ca_file.provided", "must be the name of a single"),
    ({"executor": {"token": "hunter2"}}, "executor.token", "must be ${NAME}"),
    ({"executor": {"token": "${HOME}"}}, "executor.token", "must name a variable that this service sends"),
    ({"executor": {"token": "${ELSEWHERE}"}}, "executor.token", "must not be sent to 127.0.0.1:8080"),
    (
        {"executor_endpoint": "http://localhost:8080", "executor": {"token": "${BOIFI_EXECUTOR_TOKEN}"}},
        "executor.token",
        "must not be sent to localhost:8080",
    ),
    (
        {"observer": {"type": "probe", "requests": [
            {"url": "http://127.0.0.1/", "headers": {"Authorization": "${ELSEWHERE}"}}]}},
        "observer.requests[0].headers.Authorization",
        "must not be sent to 127.0.0.1:80 ",
    ),
    (
        {"observer": probe(type="jaeger", endpoint="http://127.0.0.1:1", token="${ELSEWHERE}")},
        "observer.traces.token",
        "must not be sent to 127.0.0.1:1 ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "rule"), REFUSED)
def test_what_is_the_operators_is_not_the_callers(api, tmp_path, change, field, rule):
    error = refused(api.post(SESSIONS, json={**REQUEST, **change}), 422, "invalid_input")
    assert error["details"][0]["field"] == field, error
    assert rule in error["message"]
    assert "hunter2" not in json.dumps(error)
    assert sessions_in(tmp_path / "data") == []


@pytest.mark.parametrize("change", [{"token": "${BOIFI_EXECUTOR_TOKEN}"}, {"ca_file": {"provided": "authority"}}])
def test_validate_says_what_creating_would(api, change):
    answer = api.post(f"{SESSIONS}/validate", json={**REQUEST, "executor": change})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("executor", "place"),
    [
        ({"provided": "far"}, None),
        ({"provided": "written-out"}, "executor.token"),
        ({"endpoint": "http://127.0.0.1:8080", "ca_file": {"provided": "gone"}}, "executor.ca_file"),
    ],
)
def test_what_is_wrong_with_what_is_provided_is_told_without_its_value(api, tmp_path, executor, place):
    answer = api.post(f"{SESSIONS}/validate", json=without_endpoint(executor=executor))
    if place is None:
        assert answer.status_code == 200, answer.text
    else:
        error = refused(answer, 422, "invalid_input")
        assert error["details"][0]["field"] == place
        assert "hunter2" not in answer.text
        assert str(tmp_path) not in answer.text


@pytest.mark.parametrize("text", ["- staging\n", "staging: {", "1: {}\n"])
def test_a_service_whose_file_is_no_mapping_of_names_does_not_start(tmp_path, text):
    (tmp_path / "provided.yaml").write_text(text)
    with pytest.raises(ValidationError, match="provided"):
        Settings(provided=tmp_path / "provided.yaml")


@pytest.mark.parametrize("hosts", [{"TOKEN": ["http://mesh.local"]}, {"TOKEN": ["mesh.local:0"]}, {"A TOKEN": []}])
def test_a_service_whose_secrets_are_bound_to_no_hosts_does_not_start(hosts):
    with pytest.raises(ValidationError, match="secret_hosts"):
        Settings(secret_hosts=hosts)
