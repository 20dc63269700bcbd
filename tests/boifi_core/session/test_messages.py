"""Whatever is wrong in a session file or a campaign's, the message is a rule in words about a place in that file."""

from typing import get_args

import pytest
from hostile_input import WRONG_IN_YAML, problem, wrong_documents
from pydantic_core import core_schema

from boifi_core.campaign.config import parse_campaign
from boifi_core.errors import InvalidInput
from boifi_core.session.check import check
from boifi_core.session.config import SessionConfig, parse_session
from boifi_core.validation import RULES, rule_of

DIMENSIONS = [
    {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"], "default": "delay", "description": "d"},
    {"name": "percentage", "type": "integer", "min": 10, "max": 100, "log_scale": True, "default": 20},
    {
        "name": "delay_ms", "type": "real", "bounds": [100, 8000],
        "condition": {"field": "fault_type", "operator": "equals", "value": "delay"},
    },
    {"name": "abort_status_code", "type": "categorical", "categories": [429, 503],
     "condition": {"field": "fault_type", "operator": "in", "value": ["abort"]}},
]  # fmt: skip
SPACE = {
    "dimensions": DIMENSIONS,
    "constraints": [
        {"if": {"field": "fault_type", "operator": "not_equals", "value": "delay"},
         "then": [{"field": "percentage", "operator": "less_than", "value": 60}]},
    ],
    "fixed": {"target_path": "/", "target_method": "GET", "headers": {"x-user": "me"}},
}  # fmt: skip
EXECUTOR = {
    "type": "hfi", "endpoint": "http://127.0.0.1:8080", "timeout_s": 3, "connect_timeout_s": 2, "token": "${TOKEN}",
    "settle_s": 2,
}  # fmt: skip
REQUEST = {"method": "GET", "url": "http://127.0.0.1/a", "headers": {"X-API-Key": "${KEY}"}, "body": {"a": [1]},
           "weight": 2, "name": "a"}  # fmt: skip
WHOLE = {
    "name": "everything",
    "executor": EXECUTOR,
    "observer": {
        "type": "probe", "requests": [REQUEST, {"url": "http://127.0.0.1/b", "headers": {"X": "y"}}], "count": 3,
        "concurrency": 2, "timeout_s": 1, "traces": {"type": "otlp", "host": "127.0.0.1", "port": 0},
    },
    "expect": {
        "status": [200], "text": ["a", {"operator": "not_matches", "value": "b"}], "max_bytes": 9, "max_ms": 9,
        "headers": [{"field": "a", "operator": "equals", "value": "b"}], "learn": True,
        "json": [
            {"field": "$.a", "operator": "in", "value": [1]}, {"field": "$.a", "operator": "equals", "other": "$.b"},
        ],
    },
    "search_space": SPACE,
    "total_trials": 20,
    "initial_points": 5,
    "seed": 1,
    "optimizer": {"surrogate": "auto", "acquisition": "ei", "selection": "severity", "objective": "severity", "xi": 0.1,
                  "beta": 1.0, "stop_below": 1.0},
    "warm_start": ["an-earlier-session"],
    "analyzer": {"profile": "plan", "weights": {"bug": 1, "perf": 1, "struct": 1}, "baseline_latency_ms": 200,
                 "threshold_latency_ms": 1000, "span_increase_threshold": 0.5, "edit_distance_threshold": 2},
    "recovery": {"after_severity": 5, "timeout_s": 60},
    "guardrails": {"protected_services": ["payments"], "protected_paths": ["/pay"], "max_percentage": 100,
                   "max_delay_ms": 9000, "max_duration_s": 600,
                   "abort_if": {"field": "error_rate", "operator": "greater_than", "value": 0.5}},
    "confirm": {"share": 0.1, "readings": 2},
    "minimise": {"share": 0.1},
    "sample": {"share": 0.1},
    "screen": {"share": 0.1},
    "stop_when": {"new_failure_below": 0.2},
    "baseline_observations": 2,
    "max_failures_in_row": 3,
    "silence": ["few_requests"],
}  # fmt: skip
FETCHED = {
    **WHOLE,
    "search_space": DIMENSIONS,
    "observer": {"type": "probe", "requests": [REQUEST], "traces": {
        "type": "jaeger", "endpoint": "http://127.0.0.1:16686", "timeout_s": 1, "connect_timeout_s": 1, "token": "${T}",
        "wait_s": 1, "quiet_s": 1, "service": "front"}},
}  # fmt: skip
CAMPAIGN = {
    "name": "nightly",
    "schedule": {"cron": "0 2 * * *", "timezone": "Europe/Berlin"},
    "sessions": [{"name": "a", "executor": {"endpoint": "http://a"}, "search_space": [DIMENSIONS[0]],
                  "analyzer": {"threshold_latency_ms": "auto"}}],
    "at_once": 1,
    "max_duration_s": 3600,
    "replays": 2,
    "fail_on": 7,
    "webhook": "https://hooks.example/a",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _variables(monkeypatch):
    for name in ("TOKEN", "KEY", "T"):
        monkeypatch.setenv(name, "secret")


def checked(document):
    return check(parse_session(document))


def test_the_document_has_every_section():
    """Or its messages would not be looked at."""
    assert set(WHOLE) == set(SessionConfig.model_fields)
    assert checked({**WHOLE, "guardrails": {}})


@pytest.mark.parametrize(
    ("read", "document", "values"),
    [
        pytest.param(parse_session, WHOLE, WRONG_IN_YAML[::6], id="session"),
        pytest.param(parse_session, WHOLE, WRONG_IN_YAML, id="session, in every way", marks=pytest.mark.slow),
        pytest.param(parse_session, FETCHED, WRONG_IN_YAML, id="traces fetched", marks=pytest.mark.slow),
        pytest.param(checked, FETCHED, ["no such thing"], id="checked with its injector"),
        pytest.param(parse_campaign, CAMPAIGN, WRONG_IN_YAML, id="campaign"),
    ],
)
def test_what_is_wrong_is_said_in_words(read, document, values):
    problems = set()
    n_refused = 0
    for wrong in wrong_documents(document, values):
        try:
            read(wrong)
        except InvalidInput as error:
            n_refused += 1
            message = str(error).removeprefix(f"{error.field}: ")
            problems.add(problem(wrong, error.field, message))
    assert n_refused > 80
    assert "\n".join(sorted(problems - {None})) == ""


@pytest.mark.parametrize("kind", sorted(set(get_args(core_schema.ErrorType)) - RULES.keys()))
def test_what_pydantic_says_beside_that_is_in_words_of_ours(kind):
    if kind in ("value_error", "assertion_error"):  # whose words are ours
        return
    assert rule_of({"type": kind, "loc": (), "msg": "Input should be …", "input": 1}) == "must be of another form"
