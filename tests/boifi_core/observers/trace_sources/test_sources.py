import os
import socket
import time
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from source_contract import TraceSourceContract, WithSource, calling_cart, ids_in, send_span, spans_of
from target_server import Reply, Target
from trace_backends import (
    WEB_PAGE,
    TraceBackend,
    jaeger_api,
    jaeger_new_api,
    jaeger_old_api,
    tempo_api,
    tempo_v1_api,
    zipkin_api,
)

from boifi_core.errors import InvalidInput
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig

APIS = {
    "jaeger": [jaeger_api, jaeger_old_api, jaeger_new_api],
    "tempo": [tempo_api, tempo_v1_api],
    "zipkin": [zipkin_api],
}
BACKENDS = [(kind, apis[0]) for kind, apis in APIS.items()]
OLD_AND_NEW = [(kind, api) for kind, apis in APIS.items() for api in apis[1:]]


class TestReceiver(TraceSourceContract):
    @pytest.fixture
    def traces(self):
        return {"type": "otlp", "port": 0, "quiet_s": 0.05, "wait_s": 3}, None


EXPECTED = {jaeger_old_api: "/api/traces", jaeger_new_api: "/api/v3", tempo_v1_api: "/api/traces"}
"""The version that these are asked by."""


class WithBackend(WithSource):
    """Of those that are asked over HTTP; `backend` is the server."""

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
            "quiet_s": 0.05,
            "wait_s": 3,
            **self.config,
        }, backend.port


@pytest.mark.parametrize("backend", BACKENDS, indirect=True, ids=lambda each: each[1].__name__)
class TestEveryBackend(WithBackend, TraceSourceContract):
    def test_spans_that_take_their_time_are_waited_for(self, observe, target, backend):
        backend.ingest_s = lambda span: 0.4 if span.name.startswith("GET /cart") else 0.2
        target.reply = lambda seen: calling_cart(backend.port)(seen)
        seen = observe("/", quiet_s=0.4)
        assert len(spans_of(seen.trace_data)) == 2
        assert seen.degraded == ()

    def test_a_child_whose_parent_is_still_on_its_way_is_no_whole_trace(self, observe, target, backend):
        backend.ingest_s = lambda span: 0.0 if span.name.startswith("GET /cart") else 0.25
        target.reply = lambda seen: calling_cart(backend.port)(seen)
        seen = observe("/", quiet_s=0.1)
        assert [span["service"] for span in spans_of(seen.trace_data)] == ["shop", "cart"]

    def test_a_parent_that_never_comes_is_not_waited_for_to_the_end(self, observe, target, backend):
        target.reply = lambda seen: calling_cart(backend.port, parent="0f" * 8)(seen)
        started = time.monotonic()
        observe("/", timeout_s=60, wait_s=30)
        assert time.monotonic() - started < 15

    def test_a_sampled_away_trace_is_replaced_by_the_next(self, observe, backend):
        take, lost = backend.take, set()

        def losing_the_third(request):
            trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id
            if len(lost) < 3:
                lost.add(trace_id)
            else:
                take(request)

        backend.take = losing_the_third
        seen = observe("/", count=10)
        assert len(spans_of(seen.trace_data)) == 1
        assert seen.degraded == ("traces: 7 of 10 requests have one",)

    def test_what_still_grows_at_the_end_is_taken_and_said(self, observe, target, backend):
        target.reply = lambda seen: calling_cart(backend.port, after_s=0.4)(seen)
        seen = observe("/", quiet_s=5, wait_s=0.6)
        assert [span["service"] for span in spans_of(seen.trace_data)] == ["shop", "cart"]
        assert "traces: they may not be whole: spans were still coming" in seen.degraded


@pytest.mark.parametrize("backend", BACKENDS[:1], indirect=True, ids=lambda each: each[0])
class TestAnyBackend(WithBackend):
    """What is the same for all of them."""

    def test_of_many_requests_some_are_asked_for(self, observe, backend):
        observe("/a", "/b", count=240)
        asked = {path.rpartition("/")[2] for path in backend.asked if "/traces/" in path}
        assert len(asked) == 100

    def test_a_trace_that_is_whole_is_asked_for_once(self, observe, backend):
        observe("/a", "/b", count=40)
        asked = [path.rpartition("/")[2] for path in backend.asked if "/traces/" in path]
        assert len(set(asked)) == 40
        assert sum(asked.count(trace_id) > 1 for trace_id in set(asked)) <= 2

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
            ((200, "application/json", b"[" * 100_000), "answered 200 with what is no JSON"),
            ((200, "application/json", b"[" + b"[]," * 500_000 + b"[]]"), "must have at most 300000 objects"),
            ((200, "application/json", b" " * (10 * 1024 * 1024 + 1)), "answered more than 10485760 bytes"),
            ((503, "text/plain", b"starting"), "answered 503: starting"),
            ((403, "text/plain", b"no"), "answered 403: no"),
        ],
        ids=["bytes", "deep", "many", "large", "starting", "forbidden"],
    )
    def test_an_answer_that_is_none_is_a_reason(self, observe, backend, reply, reason):
        known = backend.api
        backend.api = lambda backend, path, query: reply if "/traces/" in path else known(backend, path, query)
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
            (200, "application/json", b"[" + b"[]," * 400_000 + b"[]]")
            if path.rpartition("/")[2] in bad_ids
            else answer(backend, path, query)
        )
        seen = observe("/bad", "/good", wait_s=0.5)
        assert set(seen.traces) == {"GET /good"}
        assert seen.degraded[1:] == ("traces: 2 of 4 requests have one", "traces: no span of GET /bad")

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


@pytest.mark.parametrize("backend", BACKENDS, indirect=True, ids=lambda each: each[1].__name__)
class TestWrongServer(WithBackend):
    """`backend` is the kind that the config names; what answers is something else."""

    @pytest.mark.parametrize(
        ("reply", "shown"),
        [
            (WEB_PAGE, "with 200 and a web page"),
            ((404, "text/plain; charset=utf-8", b"404 page not found\n"), "with 404 and “404 page not found”"),
            ((404, "text/html", b"<html>404</html>"), "with 404 and a web page"),
            ((405, "text/plain", b"405 method not allowed, supported: [POST]"), "with 405 and “405 method not"),
            ((200, "application/json", b'{"status": "StatusOK"}'), "with 200 and something else"),
            ((302, "text/plain", b""), "with 302 and something else"),
            ((200, "application/json", b" " * (10 * 1024 * 1024 + 1)), "answered more than 10485760 bytes"),
        ],
        ids=["Jaeger's pages", "an OTLP port", "a proxy", "OTLP", "a health port", "a login", "large"],
    )
    def test_r6_is_named_at_once(self, observe, backend, reply, shown):
        backend.reply = reply
        server = backend.kind.title()
        reason, none = observe("/", timeout_s=60, wait_s=30).degraded
        assert reason.startswith(f"traces: {backend.url}: this is no {server}'s query API: ")
        assert shown in reason
        assert none == "traces: no span of GET /"
        assert len(backend.asked) <= 3

    def test_r6_another_backend_is_named_too(self, observe, backend):
        for kind, apis in APIS.items():
            if kind != backend.kind:
                for backend.api in apis:
                    assert "this is no " in observe("/", timeout_s=60).degraded[0]


@pytest.mark.parametrize("backend", BACKENDS, indirect=True, ids=lambda each: each[1].__name__)
class TestLimits(WithBackend):
    config: ClassVar[dict] = {"service": "shop"}

    @pytest.mark.parametrize("most", [1, 7, 100])
    def test_r5_where_fewer_may_be_asked_for_fewer_are(self, observe, backend, most):
        backend.most = most
        assert observe("/", count=1).degraded == ()

    @pytest.mark.parametrize("words", [b"limit must be 0", b"search depth must be greater than 0"])
    def test_r5_the_servers_own_words_are_the_reason(self, observe, backend, words):
        known = backend.api
        backend.api = lambda backend, path, query: (
            (500, "text/plain", words) if "?" in path or query else known(backend, path, query)
        )
        assert observe("/", timeout_s=1.0).degraded[0].endswith(f"answered 500: {words.decode()}")


class PassingFailure(list):
    """Ends the backend's fixed reply with the second question."""

    def __init__(self, backend):
        self.backend = backend

    def append(self, path):
        super().append(path)
        if len(self) > 1:
            self.backend.reply = None


@pytest.mark.parametrize("backend", OLD_AND_NEW, indirect=True, ids=lambda each: each[1].__name__)
class TestOtherVersions(WithBackend):
    @pytest.mark.parametrize("service", [None, "shop"])
    def test_traces_are_found_by_their_ids_and_by_time(self, observe, target, backend, service):
        target.reply = lambda seen: calling_cart(backend.port)(seen)
        seen = observe("/", service=service)
        assert seen.degraded == ()
        assert [span["service"] for span in spans_of(seen.trace_data)] == ["shop", "cart"]
        (news,) = observe.probe().news()
        assert news == f"traces: asked for by {backend.kind.title()}'s {EXPECTED[backend.api]}"
        assert not observe.probe().news()


@pytest.mark.parametrize("backend", BACKENDS, indirect=True, ids=lambda each: each[1].__name__)
class TestByTime(WithBackend, TraceSourceContract):
    """Of a mesh that gives its requests trace ids of its own."""

    config: ClassVar[dict] = {"service": "shop"}
    is_by_time = True

    def none_came(self, count):
        return ()

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
        assert observe("/fast", quiet_s=0.2).degraded == ()

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
    assert seen.degraded[0].startswith(f"traces: GET http://127.0.0.1:{port}/api/v3/services: ")


@pytest.mark.parametrize("fields", [{"token": "${NOT_SET_ANYWHERE}"}, {"ca_file": __file__, "endpoint": "https://a"}])
def test_what_cannot_be_opened_names_its_field(fields):
    traces = {"type": "zipkin", "endpoint": "http://a", **fields}
    config = ProbeConfig.model_validate({"requests": [{"url": "http://a"}], "traces": traces})
    with pytest.raises(InvalidInput, match=rf"^observer\.traces\.{next(iter(fields))}: "):
        Probe(config)
