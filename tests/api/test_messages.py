"""Whatever is wrong in a request or a setting, the answer is a rule in words about a place in what was sent."""

import json
from itertools import islice

import pytest
from facades import REQUEST, SESSIONS, facade
from hostile_input import MACHINE, WRONG, problem, wrong_documents
from pydantic import ValidationError
from pydantic_settings import SettingsError

from api.errors import from_complaints, from_invalid_input
from api.models import CreateSessionRequest
from api.requests import checked
from api.settings import Settings
from boifi_core.errors import InvalidInput
from boifi_core.validation import invalid_inputs

REST = {
    "executor": {"type": "hfi", "timeout_s": 3, "connect_timeout_s": 2, "token": "${BOIFI_EXECUTOR_TOKEN}"},
    "observer": {
        "type": "probe", "requests": [{"url": "http://127.0.0.1/a", "headers": {"X-Api-Key": "${BOIFI_EXECUTOR_K}"}}],
        "count": 3, "traces": {"type": "otlp", "host": "127.0.0.1", "port": 0},
    },
    "seed": 1,
    "optimizer": {"surrogate": "auto", "xi": 0.1, "stop_below": 1.0},
    "warm_start": [],
    "analyzer": {"profile": "plan", "weights": {"bug": 1}, "baseline_latency_ms": 200, "threshold_latency_ms": 1000},
    "recovery": {"after_severity": 5, "timeout_s": 60},
    "guardrails": {"protected_services": [], "protected_paths": ["/pay"], "max_percentage": 100,
                   "abort_if": {"field": "error_rate", "operator": "greater_than", "value": 0.5}},
    "confirm": {"share": 0.1, "readings": 2},
    "minimise": {"share": 0.1},
    "screen": {"share": 0.1},
    "sample": {"share": 0.1},
    "expect": {"status": [200, 302], "max_ms": 500, "text": ["cart"],
               "json": [{"field": "$.total", "operator": "greater_than", "value": 0}]},
    "stop_when": {"new_failure_below": 0.2},
    "baseline_observations": 2,
    "silence": ["traces"],
    "max_failures_in_row": 3,
}  # fmt: skip
SPACE = [{"name": "fault_type", "type": "categorical", "values": ["abort"]}]
WHOLE = {**REQUEST, **REST}
SHORT = {"search_space": SPACE, "executor_endpoint": "http://127.0.0.1:9", "analyzer": {"baseline_latency_ms": 200}}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with facade(tmp_path_factory.mktemp("data"), create_limit="1000000/minute", rate_limit="1000000/minute") as calls:
        yield calls


def test_the_request_has_every_section():
    assert set(WHOLE) | {"search_space"} == set(CreateSessionRequest.model_fields)


def refusal(sent, settings):
    """What a request is answered with, None if it would be accepted."""
    try:
        checked(CreateSessionRequest.model_validate(sent), settings)
    except ValidationError as error:
        return from_complaints([{**each, "loc": ("body", *each["loc"])} for each in error.errors()], sent).body.error
    except InvalidInput as error:
        return from_invalid_input(error).body.error
    return None


@pytest.mark.parametrize(
    "document", [pytest.param(WHOLE, id="whole", marks=pytest.mark.slow), pytest.param(SHORT, id="short")]
)
def test_a_request_that_is_wrong(document, tmp_path):
    """In every place and every way, by what the routes are made of: over HTTP it takes minutes."""
    settings, problems, n_refused = Settings(data=tmp_path), set(), 0
    for wrong in wrong_documents(document, WRONG):
        sent = json.loads(json.dumps(wrong))
        error = refusal(sent, settings)
        if error is not None:
            n_refused += 1
            problems |= {problem(sent, detail.field, detail.message) for detail in error.details}
            problems |= {error.message for _ in MACHINE.findall(error.message.partition(", got ")[0])}
    assert n_refused > 200
    assert "\n".join(sorted(problems - {None})) == ""


@pytest.mark.parametrize("values", [[[{"a": 1}]], [10**400]])
def test_a_request_that_is_wrong_is_answered_so(api, values, tmp_path):
    settings = Settings(data=tmp_path)
    for sent in islice(wrong_documents(WHOLE, values), 0, None, 4):  # all of them are looked at above
        answer = api.post(f"{SESSIONS}/validate", json=sent)
        error = refusal(sent, settings)
        assert answer.status_code == (200 if error is None else 422), answer.text
        assert error is None or answer.json()["error"] == error.model_dump()


@pytest.mark.parametrize("body", [[1], "text", 5, None, True, [], {}, [{"a": 1}]])
def test_a_body_that_is_no_mapping(api, body):
    error = api.post(SESSIONS, json=body).json()["error"]
    assert not MACHINE.search(error["message"]), error


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"limit": "x"}), ("", {"limit": "0"}), ("", {"limit": ""}), ("", {"status": "DONE"}),
        ("", {"cursor": "\x00"}),
        ("", {"cursor": "x" * 500}), ("", {"no_such": "1"}), ("/validate", {"dry": "1"}), ("/none", {"x": "1"}),
        ("", {"limit": "1e400"}), ("", {"limit": "9" * 5000}), ("", {"limit": "nan"}), ("/none/trials", {"after": "x"}),
        ("/none/report", {"format": "pdf"}), ("/none/trials", {"format": "xml"}),
    ],
)  # fmt: skip
def test_a_query_that_is_wrong(api, path, query):
    answer = api.request("POST" if path == "/validate" else "GET", f"{SESSIONS}{path}", params=query)
    assert answer.status_code in (404, 422)
    assert not MACHINE.search(answer.json()["error"]["message"].partition(", got ")[0]), answer.text


def test_settings_that_are_wrong(tmp_path, monkeypatch):
    """As the environment has them; a field that is not text there is JSON."""
    problems = set()
    key = '[{"name": "a", "sha256": "x", "scopes": ["root"]}]'
    numbers_and_json = ["5", "-5", "nan", "1e999", "null", "{", "[1]", "[{}]", '[{"a": 1}]', key]
    for name in Settings.model_fields:
        for value in [*(each for each in WRONG if isinstance(each, str)), *numbers_and_json]:
            if "\x00" in value:
                continue  # no environment can have it
            monkeypatch.setenv(f"BOIFI_{name.upper()}", value)
            try:
                Settings()
            except ValidationError as error:
                for each in invalid_inputs(error.errors()):
                    message = str(each).removeprefix(f"{each.field}: ")
                    assert each.field.partition("[")[0] in (*Settings.model_fields, "input"), each
                    problems |= {problem({}, "input", message)}
            except (InvalidInput, SettingsError) as error:
                problems |= {problem({}, "input", str(error))}
        monkeypatch.delenv(f"BOIFI_{name.upper()}")
    assert "\n".join(sorted(problems - {None})) == ""
