import subprocess
import sys

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from boifi_core.errors import InvalidInput
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.table import INJECTORS, AnyExecutorConfig, InjectorKind, open_injector
from boifi_core.models import RawObservation
from boifi_core.observers.base import ObserverConfig
from boifi_core.observers.hfi import HfiObserver
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig
from boifi_core.observers.table import OBSERVERS, AnyObserverConfig, ObserverKind, open_observer

ENDPOINT = "http://127.0.0.1:8080"
REQUESTS = [{"url": "http://127.0.0.1:9000/orders?x=1"}]


class Session(BaseModel):
    """As a session file holds them."""

    executor: AnyExecutorConfig
    observer: AnyObserverConfig | None = None


def problem(**fields):
    """Where and what the first complaint is."""
    with pytest.raises(ValidationError) as error:
        Session.model_validate(fields)
    first = error.value.errors()[0]
    return ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")


def test_an_endpoint_is_enough():
    config = ExecutorConfig(endpoint=f"{ENDPOINT}/")
    assert (config.type, config.endpoint, config.timeout_s, config.token) == ("hfi", ENDPOINT, 30, None)


@pytest.mark.parametrize(
    ("fields", "where", "rule"),
    [
        ({"endpoint": "127.0.0.1:8080"}, "executor.endpoint", "must be an http:// or https:// URL with a host"),
        ({"endpoint": "ftp://a"}, "executor.endpoint", "must be an http:// or https:// URL with a host"),
        ({"endpoint": "http://"}, "executor.endpoint", "must be an http:// or https:// URL with a host"),
        ({"endpoint": "http://a b"}, "executor.endpoint", "must be an http:// or https:// URL with a host"),
        ({"endpoint": "http://a:0"}, "executor.endpoint", "port must be 1..65535"),
        ({"endpoint": "http://a:99999"}, "executor.endpoint", "port must be 1..65535"),
        ({"endpoint": "http://[::1"}, "executor.endpoint", "must be an http:// or https:// URL with a host"),
        ({"endpoint": "http://me:pw@a"}, "executor.endpoint", "must not carry credentials"),
        ({"endpoint": "http://a/?x=1"}, "executor.endpoint", "must have no query and no fragment"),
        ({"endpoint": "http://a/#x"}, "executor.endpoint", "must have no query and no fragment"),
        ({"endpoint": ENDPOINT, "type": "istio"}, "executor.type", "must be one of hfi"),
        ({"endpoint": ENDPOINT, "timeout_s": 0}, "executor.timeout_s", "Input should be greater than 0"),
        ({"endpoint": ENDPOINT, "timeout_s": float("inf")}, "executor.timeout_s", "Input should be a finite number"),
        ({"endpoint": ENDPOINT, "ca_file": "/nowhere"}, "executor.ca_file", "must be a file that is there"),
        ({"endpoint": ENDPOINT, "retries": 3}, "executor.retries", "Extra inputs are not permitted"),
        ({}, "executor.endpoint", "Field required"),
    ],
)
def test_what_an_executor_must_not_be(fields, where, rule):
    assert problem(executor=fields) == (where, rule)


@pytest.mark.parametrize(
    ("fields", "where", "rule"),
    [
        ({"type": "jaeger"}, "observer.type", "must be one of hfi, probe"),
        ({}, "observer.type", "Field required"),
        ({"type": "probe"}, "observer.requests", "Field required"),
        ({"type": "probe", "requests": [{"url": "a"}]}, "observer.requests.0.url", "must be an http:// or https://"),
        ({"type": "probe", "requests": [{"url": "http://a", "weight": 0}]}, "observer.requests.0.weight", "Input"),
        ({"type": "probe", "requests": [{"url": "http://a", "method": "G T"}]}, "observer.requests.0.method", "must"),
        (
            {"type": "probe", "requests": [{"url": "http://a", "headers": {"Traceparent": "x"}}]},
            "observer.requests.0.headers.Traceparent",
            "is set by BOIFI itself",
        ),
        (
            {"type": "probe", "requests": [{"url": "http://a", "headers": {"X": "a\nb"}}]},
            "observer.requests.0.headers.X",
            "must have a valid name and a printable ASCII value",
        ),
        ({"type": "probe", "requests": REQUESTS, "count": 0}, "observer.count", "Input should be greater"),
        (
            {"type": "probe", "requests": REQUESTS, "traces": {"type": "lightstep"}},
            "observer.traces.type",
            "must be one of jaeger, otlp, tempo, zipkin",
        ),
        ({"type": "probe", "requests": REQUESTS, "traces": {"type": "zipkin"}}, "observer.traces.endpoint", "Field"),
        (
            {"type": "probe", "requests": REQUESTS, "traces": {"type": "jaeger", "endpoint": "a"}},
            "observer.traces.endpoint",
            "must be an http:// or https:// URL with a host",
        ),
        (
            {"type": "probe", "requests": REQUESTS, "traces": {"type": "tempo", "endpoint": ENDPOINT, "port": 1}},
            "observer.traces.port",
            "Extra inputs",
        ),
        ({"type": "probe", "requests": REQUESTS, "traces": {"port": 70000}}, "observer.traces.port", "Input should"),
    ],
)
def test_what_an_observer_must_not_be(fields, where, rule):
    found, message = problem(executor={"endpoint": ENDPOINT}, observer=fields)
    assert found == where
    assert message.startswith(rule)


def test_the_kind_of_a_request_is_its_name_or_method_and_path():
    config = ProbeConfig.model_validate({"requests": [*REQUESTS, {"url": "http://a", "method": "post"}]})
    named = config.requests[0].model_copy(update={"name": "order"})
    assert [each.kind for each in (*config.requests, named)] == ["GET /orders", "POST /", "order"]


def test_a_whole_session_file_can_be_written_and_read_again():
    probe = {"type": "probe", "requests": [{**REQUESTS[0], "body": {"a": [1]}}], "traces": {"port": 0}}
    session = Session.model_validate({"executor": {"endpoint": ENDPOINT, "token": "${TOKEN}"}, "observer": probe})
    assert isinstance(session.observer, ProbeConfig)
    assert Session.model_validate_json(session.model_dump_json()) == session
    assert Session.model_validate(session.model_dump(mode="json")) == session


@pytest.mark.parametrize("kind", ["jaeger", "tempo", "zipkin"])
def test_a_backend_of_traces_can_be_written_and_read_again(kind):
    traces = {"type": kind, "endpoint": f"{ENDPOINT}/", "token": "${TRACES_TOKEN}", "service": "gateway"}
    probe = {"type": "probe", "requests": REQUESTS, "traces": traces}
    session = Session.model_validate({"executor": {"endpoint": ENDPOINT}, "observer": probe})
    assert (session.observer.traces.type, session.observer.traces.endpoint) == (kind, ENDPOINT)
    assert Session.model_validate_json(session.model_dump_json()) == session
    assert Session.model_validate(session.model_dump(mode="json")) == session


class TestToken:
    def test_a_literal_one_is_never_shown(self):
        config = ExecutorConfig(endpoint=ENDPOINT, token="s3cret")
        assert "s3cret" not in repr(config) + str(config) + config.model_dump_json() + str(config.model_dump())

    def test_a_masked_one_says_how_to_keep_it(self):
        written = ExecutorConfig(endpoint=ENDPOINT, token="s3cret").model_dump_json()
        with pytest.raises(InvalidInput, match=r"^executor\.token: is not kept with a session; write \$\{NAME\}"):
            open_injector(ExecutorConfig.model_validate_json(written))

    @pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "ä"])
    def test_one_that_cannot_be_sent_is_refused_without_being_shown(self, token):
        with pytest.raises(InvalidInput) as error:
            open_injector(ExecutorConfig(endpoint=ENDPOINT, token=token))
        assert str(error.value) == "executor.token: must be printable ASCII without spaces"

    def test_authorities_that_are_none(self, tmp_path):
        file = tmp_path / "ca.pem"
        file.write_text("no certificate")
        with pytest.raises(InvalidInput, match=r"^executor\.ca_file: must be a PEM file of certificates, got "):
            open_injector(ExecutorConfig(endpoint="https://127.0.0.1:1", ca_file=file))


class TestTables:
    def test_the_observer_is_the_executors_own_unless_another_is_named(self):
        executor = ExecutorConfig(endpoint=ENDPOINT)
        for config, kind in (
            (None, HfiObserver),
            ({"type": "hfi"}, HfiObserver),
            ({"type": "probe", "requests": REQUESTS}, Probe),
        ):
            observer = open_observer(executor, config and TypeAdapter(AnyObserverConfig).validate_python(config))
            assert isinstance(observer, kind)
            observer.close()

    def test_another_kind_is_one_line_in_a_table(self, monkeypatch):
        class MeshConfig(ExecutorConfig):
            namespace: str

        class FixedObserver:
            def observe(self, *, newer_than, timeout_s):
                return RawObservation(timestamp=newer_than)

            def news(self):
                return ()

            def close(self):
                pass

        monkeypatch.setitem(INJECTORS, "mesh", InjectorKind(MeshConfig, lambda config: config.namespace))
        monkeypatch.setitem(
            OBSERVERS, "fixed", ObserverKind(ObserverConfig, lambda executor, observer: FixedObserver())
        )
        mesh = {"type": "mesh", "endpoint": ENDPOINT, "namespace": "shop"}
        session = Session.model_validate({"executor": mesh, "observer": {"type": "fixed"}})
        assert open_injector(session.executor) == "shop"
        assert isinstance(open_observer(session.executor, session.observer), FixedObserver)
        assert Session.model_validate_json(session.model_dump_json()) == session
        with pytest.raises(InvalidInput, match=r"^observer\.type: must be given with the executor mesh"):
            open_observer(session.executor)
        assert problem(executor={"type": "mesh", "endpoint": ENDPOINT}) == ("executor.namespace", "Field required")


def test_importing_brings_no_framework():
    frameworks = "{'prefect', 'fastapi', 'aiohttp', 'typer', 'pandas'}"
    code = f"import sys, boifi_core.injectors; print(sorted({frameworks} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
