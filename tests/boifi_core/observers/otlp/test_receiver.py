import gzip
import http.client
import json
import socket
import threading
import time

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from target_server import span_request

from boifi_core.errors import InvalidInput
from boifi_core.observers.otlp.receiver import MAX_BODY_BYTES, OtlpReceiver
from boifi_core.observers.otlp.spans import ReceivedSpan

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
PARENT_ID = bytes.fromhex("b7ad6b7169203331")
PROTOBUF = {"Content-Type": "application/x-protobuf"}

EMPTY_SPANS = bytes.fromhex("0ac4843d12c0843d") + b"\x12\x00" * 500_000
"""An export of half a million spans in a megabyte, which would take eighty."""


@pytest.fixture
def receiver():
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


def one_span(**fields) -> ExportTraceServiceRequest:
    return span_request(TRACEPARENT, start_ns=1_000_000, end_ns=3_000_000, **fields)


def post(receiver, body, headers=PROTOBUF, path="/v1/traces", method="POST", **options):
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    try:
        connection.request(method, path, body=body, headers=headers, **options)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read()
    finally:
        connection.close()


def spans_of(receiver, trace_id=TRACE_ID):
    return receiver.store.take([trace_id]).get(trace_id, [])


def test_takes_protobuf_and_answers_as_the_specification_says(receiver):
    assert post(receiver, one_span(service="cart").SerializeToString()) == (200, "application/x-protobuf", b"")
    (received,) = spans_of(receiver)
    assert received.service == "cart"
    assert received.span.parent_span_id == PARENT_ID


def test_takes_gzip(receiver):
    body = gzip.compress(one_span().SerializeToString())
    assert post(receiver, body, {**PROTOBUF, "Content-Encoding": "gzip"})[0] == 200
    assert len(spans_of(receiver)) == 1


def test_takes_chunks(receiver):
    whole = one_span().SerializeToString()
    assert post(receiver, iter([whole[:10], whole[10:]]), encode_chunked=True)[0] == 200
    assert len(spans_of(receiver)) == 1


def test_takes_json_with_hexadecimal_ids(receiver):
    span = {
        "traceId": TRACE_ID.hex(),
        "spanId": "eee19b7ec3c1b174",
        "parentSpanId": PARENT_ID.hex(),
        "name": "GET /cart",
        "kind": 2,
        "startTimeUnixNano": "1000000",
        "endTimeUnixNano": "3000000",
        "links": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174"}],
        "futureField": 1,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]})
    assert post(receiver, body, {"Content-Type": "application/json; charset=utf-8"}) == (200, "application/json", b"{}")
    (received,) = spans_of(receiver)
    assert (received.service, received.span.name, received.span.span_id.hex()) == (
        "cart",
        "GET /cart",
        "eee19b7ec3c1b174",
    )


def test_takes_json_with_base64_ids_and_enum_names(receiver):
    body = json_format.MessageToJson(one_span())
    assert post(receiver, body, {"Content-Type": "application/json"})[0] == 200
    (received,) = spans_of(receiver)
    assert (received.span.parent_span_id, received.span.kind) == (PARENT_ID, 2)


def test_one_connection_serves_many_exports(receiver):
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    for _ in range(3):
        connection.request("POST", "/v1/traces", one_span().SerializeToString(), PROTOBUF)
        assert connection.getresponse().read() == b""
    connection.close()
    assert len(spans_of(receiver)) == 3


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, {"body": b"\xff\xff no protobuf"}),
        (400, {"body": b"{", "headers": {"Content-Type": "application/json"}}),
        (400, {"body": b"[]", "headers": {"Content-Type": "application/json"}}),
        (400, {"body": b'{"resourceSpans": 3}', "headers": {"Content-Type": "application/json"}}),
        (400, {"body": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}),
        (400, {"body": b"no gzip", "headers": {**PROTOBUF, "Content-Encoding": "gzip"}}),
        (404, {"body": b"", "path": "/v1/metrics"}),
        (405, {"body": None, "method": "GET"}),
        (413, {"body": gzip.compress(bytes(MAX_BODY_BYTES + 1)), "headers": {**PROTOBUF, "Content-Encoding": "gzip"}}),
        (413, {"body": EMPTY_SPANS}),
        (413, {"body": gzip.compress(EMPTY_SPANS), "headers": {**PROTOBUF, "Content-Encoding": "gzip"}}),
        (400, {"body": b"[" + b"[]," * 400_000 + b"[]]", "headers": {"Content-Type": "application/json"}}),
        (415, {"body": b"", "headers": {"Content-Type": "text/plain"}}),
        (415, {"body": b"", "headers": {**PROTOBUF, "Content-Encoding": "br"}}),
    ],
)
def test_refuses_what_it_cannot_read_and_lives_on(receiver, status, request_):
    assert post(receiver, **request_)[0] == status
    assert post(receiver, one_span().SerializeToString())[0] == 200


def test_refuses_an_announced_body_that_is_too_large_without_reading_it(receiver):
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as raw:
        raw.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_refusal_says_why_in_the_encoding_of_the_request(receiver):
    _, _, body = post(receiver, b"{", {"Content-Type": "application/json"})
    assert json.loads(body) == {"message": "body is no ExportTraceServiceRequest"}
    _, _, body = post(receiver, b"\xff\xff")
    assert body == b"\x12\x24body is no ExportTraceServiceRequest"


def test_a_port_in_use_is_named(receiver):
    with pytest.raises(InvalidInput, match=rf"^observer\.traces\.port: .*in use.*, got {receiver.port}$"):
        OtlpReceiver(receiver.port)


def test_the_port_is_free_again_after_close():
    first = OtlpReceiver()
    connection = http.client.HTTPConnection("127.0.0.1", first.port, timeout=5)
    connection.request("POST", "/v1/traces", b"", PROTOBUF)
    connection.getresponse().read()
    first.close()
    assert connection.sock.recv(1) == b""
    connection.close()
    OtlpReceiver(first.port).close()


class TestWaiting:
    def test_lasts_until_the_moment_that_is_told_anew_whenever_spans_come(self, receiver):
        told = []

        def over_at(traces):
            told.append(set(traces))
            return 0.0 if TRACE_ID in traces else time.monotonic() + 60

        sender = threading.Timer(0.05, post, (receiver, one_span().SerializeToString()))
        sender.start()
        receiver.store.wait_until(over_at)
        sender.join()
        assert told == [set(), {TRACE_ID}]

    def test_tells_of_each_trace_what_hangs_from_what_and_when_each_services_spans_came(self, receiver):
        post(receiver, one_span(service="cart").SerializeToString())
        post(receiver, one_span(service="cart").SerializeToString())
        seen = []
        receiver.store.wait_until(lambda traces: seen.append(dict(traces)) or 0.0)
        trace = seen[0][TRACE_ID]
        assert (len(trace.spans), trace.links) == (2, {(PARENT_ID[::-1], PARENT_ID)})
        ((service, (came, end_ns)),) = trace.came.items()
        assert (service, end_ns) == ("cart", 3_000_000)
        assert 0 <= time.monotonic() - came < 30

    def test_what_comes_after_its_trace_was_taken_is_late_and_not_held(self, receiver):
        over_at = time.monotonic() - 3.0
        receiver.store.take([TRACE_ID], over_at=over_at)
        post(receiver, one_span(service="cart").SerializeToString())
        assert len(receiver.store) == 0
        (late,) = receiver.store.take_late()
        assert (late.service, late.late_s) == ("cart", pytest.approx(3.0, abs=2.0))
        assert receiver.store.take_late() == []


def test_memory_is_bounded_and_the_oldest_trace_goes_first():
    receiver = OtlpReceiver(max_spans=10)
    try:
        for number in range(25):
            request = one_span()
            request.resource_spans[0].scope_spans[0].spans[0].trace_id = bytes([number]) * 16
            post(receiver, request.SerializeToString())
        everybody = [bytes([number]) * 16 for number in range(25)]
        assert (len(receiver.store), receiver.store.let_go(everybody)) == (10, 15)
        assert receiver.store.let_go(everybody[20:]) == 0
        assert not spans_of(receiver, bytes([14]) * 16)
        assert len(spans_of(receiver, bytes([15]) * 16)) == 1
        assert len(receiver.store) == 9
    finally:
        receiver.close()


def test_one_endless_trace_is_bounded_too():
    receiver = OtlpReceiver(max_spans=10)
    try:
        for _ in range(25):
            post(receiver, one_span().SerializeToString())
        assert len(receiver.store) <= 10
    finally:
        receiver.close()


@pytest.mark.parametrize("where", ["status", "exception"])
def test_how_a_span_failed_by_its_status_or_its_exception_alone_is_kept(where):
    span = OtlpSpan(name="GET", kind=OtlpSpan.SPAN_KIND_CLIENT)
    span.status.code = Status.STATUS_CODE_ERROR
    if where == "status":
        span.status.message = "ReadTimeout: "
    else:
        kept = span.events.add(name="exception").attributes.add(key="exception.type")
        kept.value.string_value = "httpx.ReadTimeout"
    assert "ReadTimeout" in ReceivedSpan("web", span).record().error
