import os
import socket
import time
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from source_contract import TraceSourceContract, calling_cart, ids_in, send_span, spans_of
from target_server import Reply, Target
from trace_backends import TraceBackend, jaeger_api, jaeger_v3_api, tempo_api, tempo_v1_api, zipkin_api

from boifi_core.errors import InvalidInput
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig

APIS = {
    "jaeger": [jaeger_api, jaeger_v3_api],
    "tempo": [tempo_api, tempo_v1_api],
    "zipkin": [zipkin_api],
}
BACKENDS = [(kind, api) for kind, apis in APIS.items() for api in apis]
WITH_SEARCH = [("jaeger", jaeger_api), ("tempo", tempo_api), ("zipkin", zipkin_api)]


class TestReceiver(TraceSourceContract):
    @pytest.fixture
    def traces(self):
        return {"type": "otlp", "port": 0}, None


class BackendTests(TraceSourceContract):
    """Further promises of those that are asked over HTTP; `backend` is the server."""

    config: ClassVar[dict] = {}

    @pytest.fixture
    def backend(self, request):
        with TraceBackend(request.param[1]) as backend:
            backend.kind = request.param[0]
            yield backend

    @pytest.fixture
    def traces(self, backend):
        return {
            "type": backend.kind,
            "endpoint": backend.url,
            "quiet_s": 0.1,
            "wait_s": 3,
            **self.config,
        }, backend.port


@pytest.mark.parametrize("backend", BACKENDS, indirect=True, ids=lambda each: each[1].__name__)
class TestEveryBackend(BackendTests):
    def test_spans_that_take_their_time_are_waited_for(self, observe, target, backend):
        backend.ingest_s = lambda span: 0.4 if span.name.startswith("GET /cart") else 0.2
        target.reply = lambda seen: calling_cart(backend.port)(seen)
        seen = observe("/", quiet_s=0.4)
        assert len(spans_of(seen.trace_data)) == 2
        assert seen.degraded == ()

    def test_a_child_whose_parent_is_still_on_its_way_is_no_whole_trace(self, observe, target, backend):
        backend.ingest_s = lambda span: 0.0 if span.name.startswith("GET /cart") else 0.25
        target.reply = lambda seen: calling_cart(backend.port)(seen)
        seen = observe("/")
        assert [span["service"] for span in spans_of(seen.trace_data)] == ["shop", "cart"]

    def test_a_parent_that_never_comes_is_not_waited_for_to_the_end(self, observe, target, backend):
        target.reply = lambda seen: calling_cart(backend.port, parent="0f" * 8)(seen)
        started = time.monotonic()
        seen = observe("/", timeout_s=60, wait_s=30)
        assert time.monotonic() - started < 15
        assert len(spans_of(seen.trace_data)) == 2
        assert seen.degraded == ()

    def test_a_sampled_away_trace_is_replaced_by_the_next(self, observe, backend):
        answer = backend.api
        # The backend has never heard of the trace that it is asked for first.
        backend.api = lambda backend, path, query: (
            None if path.rpartition("/")[2] == backend.asked[0].rpartition("/")[2] else answer(backend, path, query)
        )
        assert len(spans_of(observe("/", count=10).trace_data)) == 1

    def test_what_still_grows_at_the_end_is_taken_and_said(self, observe, target, backend):
        target.reply = lambda seen: calling_cart(backend.port, after_s=0.3)(seen)
        seen = observe("/", quiet_s=5, wait_s=0.6)
        assert [span["service"] for span in spans_of(seen.trace_data)] == ["shop", "cart"]
        assert seen.degraded == ("traces: the trace of GET / may not be whole: spans were still coming",)


@pytest.mark.parametrize("backend", BACKENDS[:1], indirect=True, ids=lambda each: each[0])
class TestAnyBackend(BackendTests):
    """What is the same for all of them."""

    def test_only_the_traces_that_are_needed_are_asked_for(self, observe, backend):
        observe("/a", "/b", count=40)
        asked = {path.rpartition("/")[2] for path in backend.asked}
        assert len(asked) <= 2 * 5

    def test_requests_carry_b3_too(self, observe, target):
        observe("/")
        for seen in target.seen:
            headers = {name.lower(): value for name, value in seen.headers.items()}
            assert (headers["x-b3-traceid"], headers["x-b3-spanid"]) == ids_in(seen)
            assert headers["x-b3-sampled"] == "1"

    def test_the_token_is_sent_and_never_shown(self, observe, backend, monkeypatch):
        monkeypatch.setenv("TRACES_TOKEN", "s3cret")
        observe("/", token="${TRACES_TOKEN}")
        assert backend.headers["Authorization"] == "Bearer s3cret"
        backend.reply = 401, "application/json", b'{"error": "bad token s3cret"}'
        assert "s3cret" not in str(observe("/", token="${TRACES_TOKEN}"))

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            ((200, "application/json", b"\xff{"), "answered 200 with what is no JSON"),
            ((200, "text/html", b"<html>the web page</html>"), "answered 200 with what is no JSON"),
            ((200, "application/json", b"[" * 100_000), "answered 200 with what is no JSON"),
            ((200, "application/json", b"[" + b"[]," * 500_000 + b"[]]"), "must have at most 300000 objects"),
            ((200, "application/json", b" " * (10 * 1024 * 1024 + 1)), "answered more than 10485760 bytes"),
            ((503, "text/plain", b"starting"), "answered 503"),
            ((403, "text/plain", b"no"), "answered 403"),
        ],
        ids=["bytes", "page", "deep", "many", "large", "starting", "forbidden"],
    )
    def test_an_answer_that_is_none_is_a_reason(self, observe, backend, reply, reason):
        backend.reply = reply
        seen = observe("/", timeout_s=1.0)
        assert (seen.status_code, seen.trace_data) == (200, None)
        assert len(seen.degraded) == 2
        assert reason in seen.degraded[0]
        assert seen.degraded[1] == "traces: no span of GET /"

    @pytest.mark.parametrize("body", [b"null", b"3", b"{}", b"[]", b'{"data": [[], {"spans": [3, {}]}]}', b"[[3], {}]"])
    def test_an_answer_of_another_shape_has_no_spans(self, observe, backend, body):
        backend.reply = 200, "application/json", body
        seen = observe("/", timeout_s=1.0)
        assert seen.status_code == 200
        assert seen.degraded

    def test_a_trace_that_cannot_be_read_costs_the_others_nothing(self, observe, target, backend):
        bad_ids = set()
        target.reply = lambda seen: (bad_ids.add(ids_in(seen)[0]) if seen.path == "/bad" else None, Reply())[1]
        answer = backend.api
        backend.api = lambda backend, path, query: (
            [[]] * 400_000 if path.rpartition("/")[2] in bad_ids else answer(backend, path, query)
        )
        seen = observe("/bad", "/good", wait_s=0.5)
        assert set(seen.traces) == {"GET /good"}
        assert len(seen.degraded) == 2

    def test_a_refusal_is_not_repeated(self, observe, backend):
        backend.reply = 403, "text/plain", b"no"
        observe("/")
        assert len(backend.asked) == 1

    def test_a_passing_failure_leaves_no_reason(self, observe, target, backend):
        def recovering(_):
            backend.reply = 503, "text/plain", b"starting"
            return Reply()

        target.reply = recovering
        backend.asked = PassingFailure(backend)
        assert observe("/").degraded == ()


class PassingFailure(list):
    """Ends the backend's fixed reply with the second question."""

    def __init__(self, backend):
        self.backend = backend

    def append(self, path):
        super().append(path)
        if len(self) > 1:
            self.backend.reply = None


@pytest.mark.parametrize("backend", WITH_SEARCH, indirect=True, ids=lambda each: each[0])
class TestByTime(BackendTests):
    """Of a mesh that gives its requests trace ids of its own."""

    config: ClassVar[dict] = {"service": "shop"}

    @pytest.fixture
    def own_ids(self, target, backend):
        target.otlp_port = None

        def reply(seen):
            lasts_s = 0.05 if seen.path == "/slow" else 0.0
            name = f"GET {seen.path}"
            send_span(backend.port, os.urandom(16).hex(), os.urandom(8).hex(), None, name=name, lasts_s=lasts_s)
            return Reply(delay_s=lasts_s)

        target.reply = reply

    @pytest.mark.usefixtures("own_ids")
    def test_the_traces_are_found(self, observe, backend):
        seen = observe("/slow", "/fast", count=10)
        assert seen.degraded == ()
        for kind in ("GET /slow", "GET /fast"):
            (span,) = spans_of(seen.traces[kind])
            assert span["name"].lower() == f"shop:{kind.lower()}"

    @pytest.mark.usefixtures("own_ids")
    def test_what_comes_late_is_looked_for_again(self, observe, backend):
        backend.ingest_s = lambda span: 0.3
        assert observe("/fast").degraded == ()

    @pytest.mark.usefixtures("own_ids")
    def test_traces_of_another_time_are_not_taken(self, observe, backend):
        observe("/fast")
        time.sleep(0.7)
        backend.ingest_s = lambda span: 1e9
        assert observe("/fast", wait_s=0.5).degraded == ("traces: no span of GET /fast",)


def test_nobody_there_costs_the_traces_and_not_the_observation():
    with Target() as target, socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
        closed.close()
        traces = {"type": "jaeger", "endpoint": f"http://127.0.0.1:{port}"}
        probe = Probe(ProbeConfig.model_validate({"requests": [{"url": target.url}], "count": 3, "traces": traces}))
        try:
            seen = probe.observe(newer_than=datetime.now(UTC), timeout_s=1.0)
        finally:
            probe.close()
    assert (seen.status_code, seen.trace_data) == (200, None)
    assert seen.degraded[0].startswith(f"traces: GET http://127.0.0.1:{port}/api/traces/")


@pytest.mark.parametrize("fields", [{"token": "${NOT_SET_ANYWHERE}"}, {"ca_file": __file__, "endpoint": "https://a"}])
def test_what_cannot_be_opened_names_its_field(fields):
    traces = {"type": "zipkin", "endpoint": "http://a", **fields}
    config = ProbeConfig.model_validate({"requests": [{"url": "http://a"}], "traces": traces})
    with pytest.raises(InvalidInput, match=rf"^observer\.traces\.{next(iter(fields))}: "):
        Probe(config)
