"""What the golden examples leave out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.traces import parse_trace, trace_text
from boifi_core.traces.otlp import hex_id
from boifi_core.traces.read import MAX_LINES
from boifi_core.traces.span import MAX_SPANS, Span

START_NS = 1_700_000_000_000_000_000


def otlp_span(**fields):
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "GET /",
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(START_NS + 5_000_000),
        **fields,
    }


def otlp(*spans, service="shop", resources="resourceSpans", scopes="scopeSpans"):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {resources: [{"resource": resource, scopes: [{"spans": list(spans)}]}]}


def attribute(key, **value):
    return {"key": key, "value": value}


def jaeger_span(span_id="a", **fields):
    made = {"traceID": "t", "spanID": span_id, "operationName": "GET /", "references": [], "tags": []}
    return {**made, "startTime": START_NS // 1000, "duration": 5000, "processID": "p1", **fields}


def jaeger(*spans):
    return {"data": [{"traceID": "t", "spans": list(spans), "processes": {"p1": {"serviceName": "shop"}}}]}


def zipkin_span(span_id="a", **fields):
    made = {"traceId": "1", "id": span_id, "name": "get /", "timestamp": START_NS // 1000, "duration": 5000}
    return {**made, "localEndpoint": {"serviceName": "shop"}, **fields}


def read(*documents):
    return parse_trace("\n".join(map(json.dumps, documents)))


def only(document):
    (span,) = read(document)
    return span


class TestPlan:
    def test_all_of_its_fields(self):
        entry = {
            "id": 7,
            "parent_id": "6",
            "name": "shop:GET /cart/42",
            "service": "shop",
            "kind": "client",
            "start_ms": 1,
            "duration_ms": 2.5,
            "status": "ERROR",
            "status_code": 503,
            "flags": "UO",
            "peer": "cart:8080",
            "asked": "GET /cart/42",
            "error": "UNAVAILABLE",
            "proxy": True,
        }
        assert only({"spans": [entry]}) == Span(
            id="7",
            parent_id="6",
            name="shop:GET /cart/{id}",
            service="shop",
            kind="client",
            start_ms=1,
            duration_ms=2.5,
            is_error=True,
            status_code=503,
            flags="UO",
            peer="cart:8080",
            asked="GET /cart/{id}",
            error="UNAVAILABLE",
            is_proxy=True,
        )

    def test_the_same_span_twice_counts_once(self):
        entry = {"id": "1", "name": "a", "duration_ms": 1}
        assert len(read({"spans": [entry, {**entry, "duration_ms": 2}, entry]})) == 2

    def test_spans_without_ids_are_all_different(self):
        assert len(read({"spans": [{"name": "a"}, {"name": "a"}]})) == 2

    def test_a_service_whose_name_looks_like_an_id_is_left_as_it_is(self):
        assert only({"spans": [{"id": "1", "name": "42:GET /7", "service": "42"}]}).name == "42:GET /{id}"


class TestOtlp:
    @pytest.mark.parametrize("resources", ["resourceSpans", "batches"])
    @pytest.mark.parametrize("scopes", ["scopeSpans", "instrumentationLibrarySpans"])
    @pytest.mark.parametrize("wrapping", [None, "trace", "result"])
    def test_under_all_of_its_names(self, resources, scopes, wrapping):
        document = otlp(otlp_span(), resources=resources, scopes=scopes)
        assert only({wrapping: document, "metrics": {}} if wrapping else document).name == "shop:GET /"

    @pytest.mark.parametrize(
        ("kind", "meant"),
        [
            (2, "server"),
            ("SPAN_KIND_SERVER", "server"),
            ("3", "client"),
            (0, "unspecified"),
            (99, "unspecified"),
            ("SPAN_KIND_NEW", "unspecified"),
            (None, "unspecified"),
            ([], "unspecified"),
        ],
    )
    def test_kinds_by_name_or_number(self, kind, meant):
        assert only(otlp(otlp_span(kind=kind))).kind == meant

    @pytest.mark.parametrize(
        ("code", "is_error"),
        [(2, True), ("STATUS_CODE_ERROR", True), ("2", True), (1, False), ("STATUS_CODE_OK", False), ({}, False)],
    )
    def test_statuses_by_name_or_number(self, code, is_error):
        assert only(otlp(otlp_span(status={"code": code}))).is_error == is_error

    @pytest.mark.parametrize("key", ["http.status_code", "http.response.status_code"])
    @pytest.mark.parametrize("value", [{"intValue": "503"}, {"intValue": 503}, {"stringValue": "503"}])
    def test_http_statuses(self, key, value):
        span = only(otlp(otlp_span(attributes=[attribute("other", intValue=200), attribute(key, **value)])))
        assert (span.status_code, span.is_error) == (503, True)

    @pytest.mark.parametrize(
        ("given_id", "meant"),
        [
            ("EEE19B7EC3C1B174", "eee19b7ec3c1b174"),
            ("7uGbfsPBsXQ=", "eee19b7ec3c1b174"),
            ("W47/95gDgQPSabYzgT/GDA==", "5b8efff798038103d269b633813fc60c"),
            ("0000000000000000", None),
            ("AAAAAAAAAAA=", None),
            ("root", "root"),
            ("not base64!!", "not base64!!"),
            ("7uGbfsÄBsXQ=", "7uGbfsÄBsXQ="),
            ("", None),
            (None, None),
            ([], None),
        ],
    )
    def test_ids_in_hex_or_base64(self, given_id, meant):
        assert hex_id(given_id) == meant

    def test_a_parent_in_another_encoding_is_found(self):
        parent = otlp_span()
        child = otlp_span(spanId="AQIDBAUGBwg=", parentSpanId="7uGbfsPBsXQ=", traceId="W47/95gDgQPSabYzgT/GDA==")
        assert [span.parent_id for span in read(otlp(parent, child))] == [None, "0001"]

    def test_a_file_with_an_export_on_each_line(self):
        child = otlp(otlp_span(spanId="00000000000000aa", parentSpanId="eee19b7ec3c1b174"), service="cart")
        assert [span.service for span in read(child, otlp(otlp_span()))] == ["shop", "cart"]

    def test_an_end_before_the_start_is_no_time_at_all(self):
        assert only(otlp(otlp_span(endTimeUnixNano=str(START_NS - 1)))).duration_ms == 0

    @pytest.mark.parametrize("end", [0, "0", None, "soon", -1, 1e300, "9" * 5000])
    def test_without_an_end_there_is_no_duration(self, end):
        assert only(otlp(otlp_span(endTimeUnixNano=end))).duration_ms is None

    def test_envoys_flags(self):
        attributes = [attribute("response_flags", stringValue="UT"), attribute("upstream_cluster", stringValue="pay")]
        span = only(otlp(otlp_span(name="egress", attributes=attributes)))
        assert (span.flags, span.name) == ("UT", "shop:pay")


class TestJaeger:
    def test_a_saved_trace_without_the_answer_around_it(self):
        assert only(jaeger(jaeger_span())["data"][0]).name == "shop:GET /"

    def test_a_child_comes_before_what_follows_from(self):
        references = [
            {"refType": "FOLLOWS_FROM", "traceID": "t", "spanID": "b"},
            {"refType": "CHILD_OF", "traceID": "t", "spanID": "a"},
        ]
        first, second = jaeger_span("a", operationName="a"), jaeger_span("b", operationName="b")
        child = jaeger_span("c", operationName="c", references=references)
        by_name = {span.name: span for span in read(jaeger(first, second, child))}
        assert by_name["shop:c"].parent_id == by_name["shop:a"].id

    def test_a_reference_into_another_trace_is_no_parent(self):
        child = jaeger_span("c", references=[{"refType": "CHILD_OF", "traceID": "u", "spanID": "a"}])
        assert {span.parent_id for span in read(jaeger(jaeger_span("a"), child))} == {None}

    def test_older_answers_name_the_parent_itself_and_leave_zeros_out(self):
        child = jaeger_span("c", references=None, parentSpanID="0a")
        assert [span.parent_id for span in read(jaeger(jaeger_span("a"), child))] == [None, "0001"]

    @pytest.mark.parametrize(
        "tag",
        [
            {"key": "error", "type": "bool", "value": True},
            {"key": "error", "type": "string", "value": "true"},
            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
            {"key": "http.status_code", "type": "int64", "value": 500},
        ],
    )
    def test_what_makes_an_error(self, tag):
        assert only(jaeger(jaeger_span(tags=[tag]))).is_error
        assert not only(jaeger(jaeger_span(tags=[{**tag, "key": "other"}]))).is_error

    def test_a_span_of_an_unknown_process_has_no_service(self):
        assert only(jaeger(jaeger_span(processID="p9"))).service is None

    def test_an_answer_with_nothing_in_it(self):
        assert read({"data": [], "errors": None}) == []


class TestZipkin:
    def test_several_traces(self):
        other = zipkin_span(traceId="2", parentId="a", name="other")
        spans = read([[zipkin_span()], [other]])
        assert [(span.name, span.parent_id) for span in spans] == [("shop:get /", None), ("shop:other", None)]

    @pytest.mark.parametrize(("value", "is_error"), [("", True), ("timed out", True), ("true", True), ("false", False)])
    def test_the_tag_error_says_that_it_failed(self, value, is_error):
        assert only([zipkin_span(tags={"error": value})]).is_error == is_error

    def test_what_was_told_late_is_no_span_of_its_own(self):
        early = zipkin_span(duration=None, kind="SERVER")
        spans = read([early, zipkin_span(kind="SERVER", duration=7000)])
        assert [span.duration_ms for span in spans] == [7]

    def test_the_servers_calls_hang_below_the_server_of_a_shared_id(self):
        client = zipkin_span("b", parentId="a", kind="CLIENT")
        server = zipkin_span("b", parentId="a", kind="SERVER", localEndpoint={"serviceName": "cart"}, shared=True)
        query = zipkin_span("c", parentId="b", kind="CLIENT", name="select", localEndpoint={"serviceName": "cart"})
        spans = read([query, server, client, zipkin_span("a", kind="SERVER")])
        assert [(span.service, span.kind, span.parent_id) for span in spans] == [
            ("shop", "server", None),
            ("shop", "client", "0001"),
            ("cart", "server", "0002"),
            ("cart", "client", "0003"),
        ]


class TestShapes:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[]", "got an empty list"),
            ("{}", "got an empty object"),
            ("[1]", "got a list of something else"),
            ("3", "got 3"),
            ('{"a": 1, "b": 2}', "got an object of 'a', 'b'"),
            ('{"resourceSpans": []}\n{"spans": []}', "got an object of 'resourceSpans'"),
            ('{"spans": []} {"spans": []}', "Extra data"),
            ("1\n" * (MAX_LINES + 1), "Extra data"),
        ],
    )
    def test_what_is_no_trace_says_what_it_is(self, text, said):
        with pytest.raises(ValueError, match=r"^trace must ") as error:
            parse_trace(text)
        assert said in str(error.value)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        "document",
        [
            {"spans": [{}] * (MAX_SPANS + 1)},
            otlp(*[{}] * (MAX_SPANS + 1)),
            jaeger(*[{}] * (MAX_SPANS + 1)),
            [zipkin_span(), *[{}] * MAX_SPANS],
        ],
        ids=["plan", "otlp", "jaeger", "zipkin"],
    )
    def test_too_many_spans_are_refused(self, document):
        with pytest.raises(ValueError, match=rf"^trace must have at most {MAX_SPANS} spans"):
            read(document)


texts = st.none() | st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=20)
spans = st.builds(
    Span,
    id=texts,
    name=st.sampled_from(["", "GET /", "shop:GET /p/{id}", "ünïcode <b>"]),
    duration_ms=st.none() | st.floats(0, 1e9),
    is_error=st.booleans(),
    parent_id=texts,
    service=texts,
    kind=st.sampled_from([None, "client", "server"]),
    status_code=st.none() | st.integers(0, 599),
    start_ms=st.none() | st.floats(0, 1e9),
    flags=texts,
    peer=texts,
    asked=st.none() | st.sampled_from(["GET /cart", "SELECT orders"]),
    error=texts,
)


@given(st.lists(spans, max_size=6, unique=True))
def test_what_is_written_is_read_as_it_was(made):
    assert parse_trace(trace_text(made)) == made
