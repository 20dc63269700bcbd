"""What traces say that others' instrumentations made: each case named after its row of the list, and its kin."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spans import otlp, sent

from boifi_core.traces import parse_trace
from boifi_core.traces.calls import calls
from boifi_core.traces.learn import learn
from boifi_core.traces.names import without_ids


def told(text):
    spans = parse_trace(text)
    return [call.where for call in calls(spans, learn({None: [spans]}))]


def only(*spans):
    (span,) = parse_trace(otlp(*spans))
    return span


PROTOBUFS = {
    "traceId": "AAAAAAAAAABSlpqJVVcaPw==",
    "spanId": "AAAAAABkfZg=",
    "operationName": "get",
    "startTime": "2017-01-26T21:46:31Z",
    "duration": "22.938s",
    "tags": [{"key": "error", "vType": "BOOL", "vBool": True}],
    "process": {"serviceName": "api"},
}


class TestF21:
    """Somebody else's format that has a list `spans` too."""

    def test_f21_jaegers_protobuf_json_is_read(self):
        (span,) = parse_trace(json.dumps({"spans": [PROTOBUFS]}))
        assert (span.name, span.service, span.is_error, span.duration_ms) == ("api:get", "api", True, 22_938.0)

    def test_f21_so_are_its_parents_numbers_and_short_fractions(self):
        child = {
            **PROTOBUFS,
            "spanId": "AAAAAABkfZk=",
            "operationName": "query",
            "startTime": "2017-01-26T21:46:31.000639875Z",
            "duration": "0.02s",
            "tags": [{"key": "http.status_code", "vType": "INT64", "vInt64": "503"}],
            "references": [{"traceId": "AAAAAAAAAABSlpqJVVcaPw==", "spanId": "AAAAAABkfZg="}],
        }
        first, second = parse_trace(json.dumps({"spans": [child, PROTOBUFS]}))
        assert (second.parent_id, second.status_code, second.duration_ms) == (first.id, 503, 20.0)
        assert second.start_ms == pytest.approx(0.64)

    def test_f21_snake_case_otlp_and_elasticsearchs_documents_too(self):
        text = otlp(sent(1, None, "web", "GET /", 0, 5, 2, **{"http.response.status_code": 500}))
        for camel in ("resourceSpans", "scopeSpans", "traceId", "spanId", "parentSpanId", "stringValue", "intValue"):
            text = text.replace(camel, "".join(f"_{c.lower()}" if c.isupper() else c for c in camel))
        text = text.replace("startTimeUnixNano", "start_time_unix_nano").replace(
            "endTimeUnixNano", "end_time_unix_nano"
        )
        (span,) = parse_trace(text)
        assert (span.name, span.duration_ms, span.status_code) == ("web:GET /", 5.0, 500)
        source = {
            "traceID": "1",
            "spanID": "2",
            "operationName": "GET /",
            "startTime": 1,
            "duration": 5000,
            "tag": {"http@status_code": 503},
            "process": {"serviceName": "web"},
        }
        (span,) = parse_trace(json.dumps({"hits": {"hits": [{"_source": source}]}}))
        assert (span.name, span.duration_ms, span.status_code) == ("web:GET /", 5.0, 503)

    @pytest.mark.parametrize("moment", ["soon", "2017-13-45T00:00:00Z", None, [], "1970-01-01T00:00:00Z"])
    def test_f21_times_that_are_none_are_left_empty(self, moment):
        (span,) = parse_trace(json.dumps({"spans": [{**PROTOBUFS, "startTime": moment, "duration": moment}]}))
        assert span.duration_ms is None


GRPC = ("rpc.grpc.status_code", "rpc.response.status_code", "grpc.status_code", "rpc.status_code")
NAMES = [
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
]


class TestF23:
    """Errors that a protocol's own status tells."""

    @pytest.mark.parametrize("key", GRPC)
    @pytest.mark.parametrize("code", range(17))
    def test_f23_grpcs_codes_as_number_text_and_name(self, key, code):
        for value in (code, str(code), NAMES[code], NAMES[code].title().replace("_", "")):
            server = only(sent(1, None, "s", "shop.Cart/Get", 0, 5, 2, **{"rpc.system": "grpc", key: value}))
            client = only(sent(1, None, "c", "shop.Cart/Get", 0, 5, 3, **{"rpc.system": "grpc", key: value}))
            assert server.is_error == (code in {2, 4, 12, 13, 14, 15})
            assert client.is_error == (code != 0)
            assert client.error == (None if code == 0 else NAMES[code])

    @pytest.mark.parametrize(
        ("attributes", "fails"),
        [
            ({"response_flags": "UF,URX"}, True),
            ({"response_flags": "DI"}, False),
            ({"response_flags": "NR", "http.status_code": 404}, False),
            ({"error.type": "timeout"}, True),
            ({"rpc.jsonrpc.error_code": -32603}, True),
            ({"otel.status_code": "error"}, True),
            ({"status.code": 2}, True),
            ({"status.code": 1}, False),
            ({"rpc.system": "apache_dubbo", "rpc.response.status_code": "20"}, False),
            ({"rpc.grpc.status_code": 99}, False),
            ({"rpc.grpc.status_code": "soon"}, False),
            ({"http.status_code": 404}, False),
            ({"status": "503", "outcome": "SERVER_ERROR", "method": "GET", "uri": "/cart/{id}"}, True),
            ({"status": "200", "outcome": "SUCCESS", "exception": "none"}, False),
            ({"status": "503"}, False),  # anybody's
            ({"grpc-status": "13", "http.status_code": "200"}, True),
            ({}, False),
        ],
    )
    def test_f23_other_protocols_and_envoys_flags(self, attributes, fails):
        assert only(sent(1, None, "s", "x", 0, 5, 2, **attributes)).is_error == fails

    @pytest.mark.parametrize("error", ["", "timeout", True, "false", False])
    def test_f23_zipkins_tag_says_so_whatever_it_tells(self, error):
        (span,) = parse_trace(json.dumps([zipkin("SERVER", "s", 0, tags={"error": error})]))
        assert span.is_error == (error not in ("false", False))

    def test_f23_a_deadline_is_a_call_that_was_given_up(self):
        text = otlp(
            sent(1, None, "web", "GET /", 0, 50, 2),
            sent(2, 1, "web", "shop.Cart/Get", 1, 40, 3, **{"rpc.grpc.status_code": 4}),
        )
        _, call = calls(parse_trace(text))
        assert (call.failed, call.given_up, call.cut) == (True, True, True)


def zipkin(kind, service, start_us, *, id_="a1", name="deliver", **fields):
    made = {"traceId": "1", "id": id_, "kind": kind, "name": name, "timestamp": 10**15 + start_us, "duration": 400}
    return {**made, "localEndpoint": {"serviceName": service}, **fields}


class TestF31:
    """Spans that share an id."""

    @pytest.mark.parametrize("sender", ["CLIENT", "PRODUCER"])
    @pytest.mark.parametrize("receiver", ["SERVER", "CONSUMER"])
    def test_f31_all_receivers_of_one_message_are_kept(self, sender, receiver):
        received = [zipkin(receiver, "cloud", 10 + n, shared=True) for n in range(5)]
        spans = parse_trace(json.dumps([zipkin(sender, "device", 0), *received]))
        assert len(spans) == 6
        assert {span.parent_id for span in spans if span.service == "cloud"} == {spans[0].id}

    def test_f31_at_the_same_time_but_for_how_long(self):
        received = [zipkin("SERVER", "cloud", 10, shared=True, duration=100 + n) for n in range(5)]
        assert len(parse_trace(json.dumps([zipkin("CLIENT", "device", 0), *received]))) == 6

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 50), min_size=1, max_size=6, unique=True), st.integers(2, 3))
    def test_f31_what_was_exported_twice_counts_once(self, starts, times):
        received = [zipkin("SERVER", "cloud", start, shared=True) for start in starts] * times
        early = [{**each, "duration": None} for each in received]
        for twice in (received, [*early, *received], [*received, *early]):
            assert len(parse_trace(json.dumps([zipkin("CLIENT", "device", 0), *twice]))) == 1 + len(starts)


class TestF32:
    """What is no id is taken for one."""

    def test_f32_and_a22_istios_names_and_calls(self):
        proxys = {
            "component": "proxy",
            "upstream_cluster": "outbound|5000||helloworld.default.svc.cluster.local",
            "http.url": "http://helloworld:5000/hello",
            "http.method": "GET",
            "node_id": "sidecar~10.0.0.7~sleep-5d7.default~default.svc.cluster.local",
        }
        bad = {**proxys, "http.status_code": "0", "response_flags": "DC"}
        text = otlp(sent(1, None, "sleep.default", "helloworld:5000/*", 0, 9, 3, error=True, **bad))
        (span,) = parse_trace(text)
        assert span.name == "sleep.default:helloworld:5000/*"
        assert told(text) == ["sleep.default → helloworld GET /hello"]

    @pytest.mark.parametrize(
        "name", ["helloworld:5000/*", "db.internal:6379", "GET http://cart:8080/x", "egress db:5432"]
    )
    def test_f32_a_port_is_no_id(self, name):
        assert without_ids(name) == name

    def test_f32_two_ports_of_one_host_are_two_calls_and_a_single_one_is_not_said(self):
        def page(*urls):
            asked = (sent(2 + n, 1, "web", "GET", 2 + 10 * n, 5, 3, **{"url.full": url}) for n, url in enumerate(urls))
            return otlp(sent(1, None, "web", "GET /", 0, 90, 2), *asked)

        assert told(page("http://store:5000/a", "http://store:5001/a"))[1:] == [
            "web → store:5000 GET /a",
            "web → store:5001 GET /a",
        ]
        assert told(page("http://store:5000/a", "http://other:5000/a"))[1:] == [
            "web → store GET /a",
            "web → other GET /a",
        ]
        assert told(page("http://127.0.0.1:5000/a", "http://127.0.0.1:5001/a"))[1:] == [
            "web → 127.0.0.1:5000 GET /a",
            "web → 127.0.0.1:5001 GET /a",
        ]

    @pytest.mark.parametrize("word", ["v2", "oauth2", "s3", "*", "reviews-2x", "v1beta1", "shop.v1.Cart"])
    def test_f32_words_that_do_not_vary_stay(self, word):
        text = otlp(sent(1, None, "web", f"GET /api/{word}", 0, 9, 2))
        spans = parse_trace(text)
        assert [call.operation for call in calls(spans, learn({None: [spans, spans]}))] == [f"GET /api/{word}"]


def envoy(id_, parent, cluster, url, start, ms, *, service="envoy", name="ingress", kind=2, **more):
    attributes = {"component": "proxy", "upstream_cluster": cluster, "http.url": url, "http.method": "GET", **more}
    return sent(id_, parent, service, name, start, ms, kind, **attributes)


class TestP13:
    """Envoy's outbound spans."""

    @pytest.mark.parametrize("name", ["egress db:5432", "router db egress", "egress", "ingress"])
    @pytest.mark.parametrize("cluster", ["db", "outbound|5432||db.default.svc.cluster.local"])
    def test_p13_are_told_by_peer_method_and_path(self, name, cluster):
        spans = [sent(1, None, "app", "GET /", 0, 50, 2), envoy(2, 1, cluster, "http://db:5432/row/7", 1, 9, name=name)]
        assert told(otlp(*spans)) == ["client → app GET /", "app → db GET /row/{id}"]

    def test_p13_the_name_tells_the_host_where_the_cluster_does_not(self):
        spans = [
            sent(1, None, "app", "GET /", 0, 50, 2),
            envoy(2, 1, "-", "", 1, 9, service="app", name="egress stock:9000", kind=3),
            envoy(3, 1, "PassthroughCluster", "http://10.0.0.1/x", 20, 9, service="app", name="egress mail:25", kind=3),
        ]
        assert told(otlp(*spans))[1:] == ["app → stock stock", "app → mail GET /x"]


class TestP19:
    """One tracer for all proxies."""

    SPANS = (
        envoy(1, None, "gateway", "http://shop/product/17", 0, 60),
        envoy(2, 1, "reviews", "http://reviews/reviews/17", 3, 20),
        envoy(3, 2, "ratings", "http://ratings/ratings/17", 5, 10),
        envoy(4, 1, "stock", "http://stock/stock/17", 30, 25),
    )
    CALLS = (
        "client → gateway GET /product/{id}",
        "gateway → reviews GET /reviews/{id}",
        "reviews → ratings GET /ratings/{id}",
        "gateway → stock GET /stock/{id}",
    )

    def test_p19_the_clusters_name_tells_who_asks_whom(self):
        assert told(otlp(*self.SPANS)) == list(self.CALLS)

    def test_p19_the_hosts_where_clusters_are_all_called_local(self):
        local = json.loads(otlp(*self.SPANS))
        for resource in local["resourceSpans"]:
            for pair in resource["scopeSpans"][0]["spans"][0]["attributes"]:
                if pair["key"] == "upstream_cluster":
                    pair["value"]["stringValue"] = "local_service"
        named = [call.replace("gateway", "shop") for call in self.CALLS]
        assert told(json.dumps(local)) == named

    def test_p19_sidecars_of_both_ends_are_one_call(self):
        pairs = [
            envoy(1, None, "gateway", "http://shop/product/17", 0, 60),
            envoy(2, 1, "reviews", "http://reviews/reviews/17", 3, 20, name="egress reviews:80", kind=3),
            envoy(3, 2, "inbound|80||", "http://reviews/reviews/17", 4, 18),
            envoy(4, 3, "ratings", "http://ratings/ratings/17", 5, 10, name="egress ratings:80", kind=3),
            envoy(5, 4, "inbound|80||", "http://ratings/ratings/17", 6, 8),
        ]
        assert told(otlp(*pairs)) == list(self.CALLS[:3])

    @pytest.mark.parametrize("host", ["reviews:9080", "reviews.shop:9080", "reviews.shop.svc.cluster.local:9080"])
    def test_p19_both_ends_without_a_direction_are_one_call_whatever_the_host_is_asked_as(self, host):
        url = f"http://{host}/reviews/17"
        cluster = "reviews.shop" if "shop" in host else "reviews"
        spans = [
            envoy(1, None, "gateway", "http://shop/product/17", 0, 60),
            envoy(2, 1, cluster, url, 3, 20),
            envoy(3, 2, "local_service", url, 4, 18),
        ]
        (_, reached), (_, refused) = (calls(parse_trace(otlp(*some))) for some in (spans, spans[:2]))
        assert (reached.where, reached.answered) == (f"gateway → {cluster} GET /reviews/{{id}}", True)
        assert (refused.where, refused.answered) == (reached.where, False)


class TestHowItFailed:
    """A time-out that only the status and the exception of a client's span tell of: it has no attribute for that."""

    WORDS = (
        "ReadTimeout: ", "context deadline exceeded", "java.net.SocketTimeoutException: Read timed out",
        "timeout of 300ms exceeded", "System.Threading.Tasks.TaskCanceledException", "asyncio.exceptions.TimeoutError",
    )  # fmt: skip

    def page(self, *, message="", **exception):
        asking = sent(2, 1, "web", "GET", 2, 300, 3, **{"url.full": "http://cart/x", "server.address": "cart"})
        asking["scopeSpans"][0]["spans"][0]["status"] = {"code": 2, "message": message}
        attributes = [{"key": f"exception.{name}", "value": {"stringValue": word}} for name, word in exception.items()]
        asking["scopeSpans"][0]["spans"][0]["events"] = [{"name": "exception", "attributes": attributes}]
        return otlp(sent(1, None, "web", "GET /", 0, 310, 2), asking)

    @pytest.mark.parametrize("word", WORDS)
    @pytest.mark.parametrize("place", ["message", "type"])
    def test_f23_a_time_out_is_given_up(self, word, place):
        call = calls(parse_trace(self.page(**{place: word})))[1]
        assert (call.where, call.failed, call.given_up, call.cut) == ("web → cart GET /x", True, True, True)

    @pytest.mark.parametrize("word", ["ConnectionRefusedError", "", "500 Internal Server Error"])
    def test_f23_another_failure_is_none(self, word):
        call = calls(parse_trace(self.page(message=word, type=word)))[1]
        assert (call.failed, call.given_up) == (True, False)

    def test_f23_what_a_service_does_within_is_no_call_and_its_status_is_its_receivers(self):
        within = [
            sent(n, 1, "web", "GET / http send", 9, 0.1, 1, **{"http.status_code": 503, "asgi.event.type": "x"})
            for n in (2, 3)
        ]
        spans = parse_trace(otlp(sent(1, None, "web", "GET /", 0, 10, 2, **{"http.status_code": 503}), *within))
        assert [(span.status_code, span.is_error) for span in spans] == [(503, True), (None, False), (None, False)]
        assert [call.where for call in calls(spans)] == ["client → web GET /"]


class TestA19:
    """Thirty queries instead of one."""

    @pytest.mark.parametrize(
        ("attributes", "asked"),
        [
            ({"db.system": "postgresql", "db.statement": "SELECT * FROM inventory WHERE sku = ?"}, "SELECT inventory"),
            (
                {"db.system": "mysql", "db.statement": "/* web */ insert into `shop`.`lines` values (?)"},
                "insert shop.lines",
            ),
            ({"db.system": "mssql", "db.statement": "UPDATE [dbo].[Order] SET x = 1"}, "UPDATE dbo.Order"),
            ({"db.system.name": "postgresql", "db.query.text": "DELETE FROM only carts"}, "DELETE carts"),
            ({"db.system.name": "postgresql", "db.query.summary": "SELECT a JOIN b"}, "SELECT a JOIN b"),
            ({"db.system": "mongodb", "db.operation": "find", "db.mongodb.collection": "users"}, "find users"),
            ({"db.system": "redis", "db.statement": "HGET cart:17 total"}, "HGET"),
            ({"db.type": "sql", "db.statement": "CALL monthly(7)"}, "CALL monthly"),
            ({"sql.query": "select 1"}, "select"),
        ],
    )
    def test_a19_a_query_names_its_table(self, attributes, asked):
        text = otlp(sent(1, None, "web", "GET /", 0, 50, 2), sent(2, 1, "web", "SELECT", 2, 9, 3, **attributes))
        spans = parse_trace(text)
        assert calls(spans)[1].operation == asked


def test_a_consumer_in_a_trace_of_its_own_hangs_below_what_it_has_a_link_to():
    text = json.loads(
        otlp(
            sent(1, None, "shop", "POST /orders", 0, 9, 2),
            sent(2, 1, "shop", "send orders", 2, 3, 4, **{"messaging.system": "kafka"}),
            sent(3, None, "mail", "process orders", 30, 5, 5),
        )
    )
    consumer = text["resourceSpans"][2]["scopeSpans"][0]["spans"][0]
    trace_id, consumer["traceId"] = consumer["traceId"], "ab" * 16
    consumer["links"] = [{"traceId": trace_id, "spanId": f"{2:016x}"}]
    assert told(json.dumps(text)) == [
        "client → shop POST /orders",
        "shop → kafka send orders",
        "shop → mail process orders",
    ]
    consumer["links"] = [{"traceId": trace_id, "spanId": "f" * 16}]
    assert told(json.dumps(text))[2:] == ["mail process orders"]
