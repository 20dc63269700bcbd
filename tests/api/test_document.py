"""The OpenAPI document: what it promises holds, whatever is sent."""

import json
import warnings

import pytest
from facades import SESSIONS, facade, made
from hypothesis import HealthCheck, Phase, given, settings

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
    assert api.post(SESSIONS, json=example).status_code == 202
    for name in ("CreateSessionResponse", "StopResponse", "ErrorBody"):
        assert schemas[name]["examples"]


def test_closed_routes_say_how_to_be_let_in(document):
    assert set(document["components"]["securitySchemes"]) == {"HTTPBearer", "APIKeyHeader"}
    for path, item in document["paths"].items():
        for operation in item.values():
            assert bool(operation.get("security")) == (path not in ("/health", "/ready"))


def test_the_document_is_whole_json(document):
    assert json.loads(json.dumps(document))["info"]["title"] == "BOIFI"
