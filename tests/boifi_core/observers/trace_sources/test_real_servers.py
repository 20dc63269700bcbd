"""What is promised of trace sources, before the real servers; and the stand-ins of the other tests beside these.

Where a stand-in answers otherwise than the real one, the other tests prove nothing: each test of the classes whose
names end in `AsTheRealOne` runs over both.
"""

import json
import os
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from real_servers import RealBackend, running_collector, running_jaeger, running_zipkin
from source_contract import TraceSourceContract, WithSource, calling_cart, send_span, spans_of
from target_server import Reply, Target
from trace_backends import TraceBackend, jaeger_api, zipkin_api

from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig


@pytest.fixture(scope="module")
def real_jaeger(tmp_path_factory):
    with running_jaeger(tmp_path_factory.mktemp("jaeger")) as jaeger:
        yield jaeger


@pytest.fixture(scope="module")
def small_jaeger(tmp_path_factory):
    with running_jaeger(tmp_path_factory.mktemp("jaeger"), most=100) as jaeger:
        yield jaeger


@pytest.fixture(scope="module")
def real_zipkin():
    with running_zipkin() as zipkin:
        yield zipkin


@pytest.fixture
def jaeger_stand_in():
    with TraceBackend(jaeger_api, most=1000) as backend:
        yield RealBackend(backend.url, backend.port, 1000)


@pytest.fixture
def zipkin_stand_in():
    with TraceBackend(zipkin_api) as backend:
        yield RealBackend(backend.url, backend.port, 0)


JAEGERS = ["jaeger_stand_in", pytest.param("real_jaeger", marks=pytest.mark.system)]
ZIPKINS = ["zipkin_stand_in", pytest.param("real_zipkin", marks=pytest.mark.system)]


@pytest.fixture
def backend(request):
    return request.getfixturevalue(request.param)


class WithReal(WithSource):
    """`backend` by the name of its fixture."""

    config = {}  # noqa: RUF012

    @pytest.fixture
    def traces(self, backend, request):
        kind = request.node.callspec.params["backend"].partition("_")[2]
        config = {"type": kind, "endpoint": backend.url, "quiet_s": 0.3, "wait_s": 5, **self.config}
        return config, backend.port


@pytest.mark.system
@pytest.mark.parametrize("backend", ["real_jaeger", "real_zipkin"], indirect=True)
class TestById(WithReal, TraceSourceContract):
    def test_spans_that_come_late_are_waited_for(self, observe, target, backend):
        target.reply = lambda seen: calling_cart(backend.port, after_s=0.5)(seen)
        seen = observe("/", quiet_s=1.0)
        assert [span["service"] for span in spans_of(seen.trace_data)] == ["shop", "cart"]


@pytest.mark.system
@pytest.mark.parametrize("backend", ["real_jaeger", "real_zipkin"], indirect=True)
class TestByTime(WithReal):
    """Of a mesh with trace ids of its own."""

    config = {"service": "Entry"}  # noqa: RUF012

    @pytest.mark.parametrize("paths", [("/Home", "/Cart"), ("/product/4711", "/customer/77"), ("/", "/a/b")])
    def test_r3_r4_each_kind_of_request_gets_its_own_trace(self, observe, target, backend, paths):
        target.otlp_port = None

        def reply(seen):
            name, ids = f"GET {seen.path}", (os.urandom(16).hex(), os.urandom(8).hex(), None)
            send_span(backend.port, *ids, name=name, service="Entry")
            return Reply()

        target.reply = reply
        seen = observe(*paths, count=12)
        assert seen.degraded == ()
        for path in paths:
            ((name, service),) = [(span["name"], span["service"]) for span in spans_of(seen.traces[f"GET {path}"])]
            words = {"/product/4711": "/product/{id}", "/customer/77": "/customer/{id}"}
            assert name.lower() == f"entry:get {words.get(path, path.lower())}"
            assert service.lower() == "entry"


@pytest.mark.system
class TestLimit(WithReal):
    config = {"service": "shop"}  # noqa: RUF012

    @pytest.mark.parametrize("backend", ["small_jaeger"], indirect=True)
    def test_r5_a_jaeger_that_allows_fewer_traces_is_asked_for_fewer(self, observe, backend):
        assert observe("/", count=3).degraded == ()


@pytest.mark.system
@pytest.mark.parametrize(
    ("kind", "server", "which"),
    [
        ("jaeger", "real_zipkin", "url"),
        ("tempo", "real_zipkin", "url"),
        ("zipkin", "real_jaeger", "url"),
        ("tempo", "real_jaeger", "url"),
        ("jaeger", "real_jaeger", "port"),
        ("zipkin", "real_jaeger", "port"),
        ("tempo", "real_jaeger", "port"),
    ],
)
def test_r6_a_wrong_server_or_port_is_named_at_once(request, kind, server, which):
    backend = request.getfixturevalue(server)
    url = backend.url if which == "url" else f"http://127.0.0.1:{backend.port}"
    with Target() as target:
        traces = {"type": kind, "endpoint": url}
        probe = Probe(ProbeConfig.model_validate({"requests": [{"url": target.url}], "count": 2, "traces": traces}))
        try:
            seen = probe.observe(newer_than=datetime.now(UTC), timeout_s=60)
        finally:
            probe.close()
    assert seen.degraded[0].startswith(f"traces: {url}: this is no {kind.title()}'s query API: it answers /api/")


@pytest.mark.system
@pytest.mark.parametrize("batch", ["1s", pytest.param("5s", marks=pytest.mark.slow)])
def test_r1_all_spans_come_through_a_collector_with_batches(tmp_path, batch):
    with Target() as target:
        config = {"requests": [{"url": target.url}], "count": 3, "traces": {"type": "otlp", "port": 0}}
        probe = Probe(ProbeConfig.model_validate(config))
        try:
            with running_collector(tmp_path, probe.source.receiver.port, batch=batch) as port:
                target.otlp_port = port
                target.reply = calling_cart(port)
                for _ in range(3):
                    seen = probe.observe(newer_than=datetime.now(UTC), timeout_s=60)
                    assert seen.degraded == ()
                    assert [span["service"] for span in spans_of(seen.trace_data)] == ["shop", "cart"]
        finally:
            probe.close()


def asked(backend, path, **query):
    """Status, content type without its parameters, and body."""
    url = f"{backend.url}{path}{'?' if query else ''}{urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.headers.get_content_type(), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read().decode()


@pytest.fixture
def trace(backend):
    """Sends a trace with a root of `Shop` and below it a call of cart, 1 s later; its id is made of `number`."""

    def send(number, *, at_ns=None, services=("Shop", "cart"), half=False):
        trace_id = f"{0 if half else number:016x}{number:016x}"
        at_ns = time.time_ns() if at_ns is None else at_ns
        send_span(backend.port, trace_id, "b000000000000001", None, service=services[0], name="GET /Home", at_ns=at_ns)
        below = {"service": services[1], "name": "GET /Cart", "at_ns": at_ns + 10**9}
        send_span(backend.port, trace_id, "b000000000000002", "b000000000000001", **below)
        return trace_id

    return send


def rfc3339(ns):
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09}Z"


def service_of(number):
    return f"s{number:x}"


NUMBER = iter(range(int(time.time()) * 1000, 10**15))


@pytest.mark.parametrize("backend", JAEGERS, indirect=True)
class TestJaegerAsTheRealOne:
    """R7."""

    def test_r7_an_unknown_path_is_the_web_page(self, backend):
        for path in ("/api/nothing", "/", "/v1/traces"):
            status, content_type, body = asked(backend, path)
            assert (status, content_type, body.lstrip()[0]) == (200, "text/html", "<")

    def test_r7_lists(self, backend, trace):
        trace(next(NUMBER))
        assert {"Shop", "cart"} <= set(json.loads(asked(backend, "/api/services")[2])["data"])
        status, content_type, body = asked(backend, "/api/v3/services")
        assert (status, content_type) == (200, "text/plain")
        assert {"Shop", "cart"} <= set(json.loads(body)["services"])

    def test_r7_what_is_not_there_is_404_with_an_error_as_text(self, backend):
        nobodys = f"{next(NUMBER):032x}"
        for path in (f"/api/traces/{nobodys}", f"/api/v3/traces/{nobodys}"):
            status, content_type, body = asked(backend, path)
            assert (status, content_type) == (404, "text/plain")
            assert "not found" in body.lower() or "no traces found" in body.lower()

    def test_r7_ids_with_a_zero_upper_half_have_16_digits_in_the_old_api_and_32_in_the_new(self, backend, trace):
        trace_id = trace(next(NUMBER), half=True)
        for asked_for in (trace_id, trace_id.lstrip("0")):
            (found,) = json.loads(asked(backend, f"/api/traces/{asked_for}")[2])["data"]
            assert {found["traceID"], *(span["traceID"] for span in found["spans"])} == {trace_id[16:]}
        spans = self.v3_spans(asked(backend, f"/api/v3/traces/{trace_id}")[2])
        assert {span["traceId"] for span in spans} == {trace_id}

    def test_r7_an_empty_parent_is_left_out(self, backend, trace):
        trace_id = trace(next(NUMBER))
        spans = self.v3_spans(asked(backend, f"/api/v3/traces/{trace_id}")[2])
        assert {span["spanId"]: span.get("parentSpanId", "none") for span in spans} == {
            "b000000000000001": "none",
            "b000000000000002": "b000000000000001",
        }
        assert {span["kind"] for span in spans} == {2}
        (found,) = json.loads(asked(backend, f"/api/traces/{trace_id}")[2])["data"]
        assert [len(span["references"]) for span in sorted(found["spans"], key=lambda span: span["spanID"])] == [0, 1]

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    def test_r7_a_limit_that_is_refused_is_500(self, backend, limit):
        now_ns = time.time_ns()
        times = {"query.start_time_min": rfc3339(now_ns - 10**9), "query.start_time_max": rfc3339(now_ns)}
        words = "search depth must be greater than 0 and less than max traces"
        for said in (
            asked(backend, "/api/traces", service="Shop", limit=limit),
            asked(backend, "/api/v3/traces", **{"query.service_name": "Shop", "query.num_traces": limit, **times}),
        ):
            assert said[:2] == (500, "text/plain")
            assert words in said[2]

    def test_r7_the_new_search_wants_times_and_a_number(self, backend):
        status, content_type, body = asked(backend, "/api/v3/traces", **{"query.service_name": "Shop"})
        assert (status, content_type) == (400, "text/plain")
        assert json.loads(body)["error"]["message"] == "query.start_time_min and query.start_time_max are required"
        times = {"query.start_time_min": rfc3339(0), "query.start_time_max": rfc3339(time.time_ns())}
        query = {"query.service_name": "Shop", "query.search_depth": 5, **times}
        assert asked(backend, "/api/v3/traces", **query)[0] == 500

    def test_r7_a_search_finds_by_any_span_of_the_service_within_the_times(self, backend, trace):
        number, now_ns = next(NUMBER), time.time_ns()
        service = service_of(number)
        trace_id = trace(number, at_ns=now_ns, services=(service, service))
        for from_s, to_s, there in [(-0.5, 0.5, True), (0.5, 1.5, True), (-1, -0.5, False), (0.2, 0.8, False)]:
            from_ns, to_ns = now_ns + round(from_s * 1e9), now_ns + round(to_s * 1e9)
            old = asked(backend, "/api/traces", service=service, start=from_ns // 1000, end=to_ns // 1000, limit=10)
            assert [each["traceID"] for each in json.loads(old[2])["data"]] == [trace_id] * there
            query = {"query.service_name": service, "query.num_traces": 10}
            query |= {"query.start_time_min": rfc3339(from_ns), "query.start_time_max": rfc3339(to_ns)}
            status, _, body = asked(backend, "/api/v3/traces", **query)
            assert status == (200 if there else 404)
            if there:
                assert {span["traceId"] for span in self.v3_spans(body)} == {trace_id}

    def test_r7_all_traces_of_a_search_are_in_one_list(self, backend, trace):
        numbers = [next(NUMBER), next(NUMBER)]
        service, now_ns = service_of(numbers[0]), time.time_ns()
        ids = {trace(number, at_ns=now_ns, services=(service, service)) for number in numbers}
        query = {"query.service_name": service, "query.num_traces": 10}
        query |= {"query.start_time_min": rfc3339(now_ns - 10**9), "query.start_time_max": rfc3339(now_ns + 10**9)}
        body = asked(backend, "/api/v3/traces", **query)[2]
        assert {span["traceId"] for span in self.v3_spans(body)} == ids

    @staticmethod
    def v3_spans(body):
        resources = json.loads(body)["result"]["resourceSpans"]
        return [span for each in resources for scope in each["scopeSpans"] for span in scope["spans"]]


@pytest.mark.parametrize("backend", ZIPKINS, indirect=True)
class TestZipkinAsTheRealOne:
    """R7."""

    def test_r7_names_are_stored_in_lower_case(self, backend, trace):
        trace_id = trace(next(NUMBER))
        spans = json.loads(asked(backend, f"/api/v2/trace/{trace_id}")[2])
        assert {(span["localEndpoint"]["serviceName"], span["name"]) for span in spans} == {
            ("shop", "get /home"),
            ("cart", "get /cart"),
        }
        assert {"shop", "cart"} <= set(json.loads(asked(backend, "/api/v2/services")[2]))

    def test_r7_what_is_not_there_is_404_as_text(self, backend):
        nobodys = f"{next(NUMBER):032x}"
        status, content_type, body = asked(backend, f"/api/v2/trace/{nobodys}")
        assert (status, content_type.partition("/")[0]) == (404, "text")
        assert body.endswith("not found")
        assert asked(backend, "/api/traces/1")[0] == asked(backend, "/api/v3/services")[0] == 404

    def test_r7_an_id_with_a_zero_upper_half_has_16_digits(self, backend, trace):
        trace_id = trace(next(NUMBER), half=True)
        for asked_for in (trace_id, trace_id[16:]):
            spans = json.loads(asked(backend, f"/api/v2/trace/{asked_for}")[2])
            assert {span["traceId"] for span in spans} == {trace_id[16:]}

    def test_r7_a_search_is_by_when_a_trace_began_and_ten_by_default(self, backend, trace):
        number, now_ns = next(NUMBER), time.time_ns()
        service = service_of(number)
        for _ in range(12):
            trace(next(NUMBER), at_ns=now_ns, services=(service, service))
        now_ms = now_ns // 10**6

        def found(**query):
            return len(json.loads(asked(backend, "/api/v2/traces", serviceName=service.upper(), **query)[2]))

        assert found(endTs=now_ms + 1000, lookback=2000, limit=200) == 12
        assert found(endTs=now_ms + 1000, lookback=2000) == 10
        assert found(endTs=now_ms - 500, lookback=2000) == 0
        assert found(endTs=now_ms + 2000, lookback=1500, limit=200) == 0

    @pytest.mark.parametrize("query", [{"limit": 0}, {"endTs": 0}, {"lookback": 0}])
    def test_r7_what_cannot_be_is_400(self, backend, query):
        assert asked(backend, "/api/v2/traces", **query)[0] == 400
