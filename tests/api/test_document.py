"""The OpenAPI document: what it promises holds, whatever is sent."""

import json
import warnings

import pytest
from facades import REQUEST, SESSIONS, facade, made, refused
from hypothesis import HealthCheck, Phase, given, settings
from unlimited import unlimited

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_schema_conformance,
        status_code_conformance,
    )

from api.app import create_app
from api.settings import Settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    data = tmp_path_factory.mktemp("document")
    with facade(data, create_limit="100000/minute", rate_limit="100000/minute", max_active_sessions=100_000) as calls:
        calls.folder = made(data, trials=2, status="COMPLETED", reason="done")
        (calls.folder.path / "report.md").write_text("# written")
        (calls.folder.path / "report.html").write_text("<p>written")
        yield calls


@pytest.fixture(scope="module")
def document(api):
    return api.get("/openapi.json").json()


def operations():
    document = create_app(Settings(data="unused")).openapi()
    for path, item in document["paths"].items():
        if path == "/ready":  # is 503 here, as it should: there is no Prefect
            del item["get"]
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


# Not by schemathesis' own plugin: each start of pytest would pay for it.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_every_answer_is_as_documented_and_none_is_our_fault(operation, api):
    @settings(
        max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def answered(case):
        if "session_id" in case.path_parameters and len(case.path_parameters["session_id"]) % 2:
            case.path_parameters["session_id"] = api.folder.session_id
        if case.method == "DELETE" and case.path_parameters.get("session_id") == api.folder.session_id:
            case.path_parameters["session_id"] = "another"
        case.call_and_validate(base_url=str(api.base_url), checks=CHECKS, timeout=20)

    answered()


def test_every_route_is_described_with_its_errors(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            assert operation["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorBody")


def test_bodies_have_examples_that_work(api, document):
    schemas = document["components"]["schemas"]
    example = schemas["CreateSessionRequest"]["examples"][0]
    # Its target is nobody's, so that whoever sends it as it stands, such as a tester of contracts, starts nothing.
    nobodys = refused(api.post(SESSIONS, json=example), 422, "invalid_input")
    assert nobodys["details"][0]["field"] == "executor_endpoint"
    assert api.post(SESSIONS, json=example | {"executor_endpoint": "http://127.0.0.1:8080"}).status_code == 202
    for name in ("CreateSessionResponse", "StopResponse", "ErrorBody"):
        assert schemas[name]["examples"]


OPAQUE = ("search_space_config", "search_space", "executor", "observer", "expect")
"""The blocks of a request that are read as a session file's are, with the limits of those."""


def test_whatever_can_be_sent_has_a_limit(document):
    left = [
        f"{method} {path} {parameter['name']}{place}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] != "path"  # whose length is that of the request's line, which has a limit
        for place in unlimited(parameter["schema"], "", document)
    ]
    body = document["components"]["schemas"]["CreateSessionRequest"]
    places = unlimited(body, "", document)
    left += [place for place in places if not place.startswith(tuple(f".{name}" for name in OPAQUE))]
    assert left == [".guardrails.abort_if.value"], "which has the limits of a statement"
    for name in OPAQUE:
        assert f".{name}" not in places, "a block itself has at most so many entries"


MANY = {
    "unknown keys": {f"k{number}": 1 for number in range(50_000)},
    "wrong values": {"warm_start": [1] * 200_000},
    "deep inside": {"guardrails": {f"k{number}": [1, 2] for number in range(30_000)}},
    "long key": {"k" * 500_000: 1},
    "long text": {"name": "n" * 500_000},
    "dimensions": {"search_space_config": [{}] * 100_000},
    "entries of a block": {"executor": {f"k{number}": 1 for number in range(50_000)}},
}


@pytest.mark.parametrize("change", MANY.values(), ids=MANY)
def test_of_very_much_that_is_wrong_little_is_said(api, change):
    answer = api.post(f"{SESSIONS}/validate", json=REQUEST | change)
    refused(answer, 422, "invalid_input")
    assert len(answer.content) < 50_000


def test_closed_routes_say_how_to_be_let_in(document):
    assert set(document["components"]["securitySchemes"]) == {"HTTPBearer", "APIKeyHeader"}
    for path, item in document["paths"].items():
        for operation in item.values():
            assert bool(operation.get("security")) == (path not in ("/health", "/ready"))


def test_the_document_is_whole_json(document):
    assert json.loads(json.dumps(document))["info"]["title"] == "BOIFI"
