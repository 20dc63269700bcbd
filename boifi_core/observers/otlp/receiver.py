"""A small OTLP/HTTP receiver: takes spans at `POST /v1/traces`, protobuf or JSON, and nothing else.

Programs send spans: what a web page sends is refused.

Source: OpenTelemetry Protocol Specification 1.7, "OTLP/HTTP".
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from boifi_core.errors import InvalidInput
from boifi_core.observers.otlp.span_count import count_spans
from boifi_core.observers.otlp.spans import ReceivedSpan, SpanStore
from boifi_core.traces.otlp import hex_id
from boifi_core.wire import bounded_json
from boifi_core.wire.web_pages import is_loopback, objection

MAX_BODY_BYTES = 6 * 1024 * 1024
_MAX_SPANS = 50_000
_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_IDLE_S = 60
_POLL_S = 0.05


class OtlpReceiver:
    """Listens from the moment it is made until `close`.

    Args:
        port: 0 takes a free one; the real one is `port` afterwards.
        host: the address to listen at.

    Raises:
        InvalidInput: the port is in use, or the address is none of this machine.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1", *, max_spans: int = 20_000) -> None:
        self.store = SpanStore(max_spans)
        try:
            self._server = _Server(host, port, self.store)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            rule = f"must be a port that is free at {host} ({reason})"
            raise InvalidInput("observer.traces.port", rule, port) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _POLL_S}, name="otlp-receiver", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and cut open connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.cut_connections()


class _Refused(Exception):
    def __init__(self, status: int, message: str, *, close: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.close = close


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, store: SpanStore) -> None:
        self.store = store
        # From other machines it is reached by whatever name they have for it.
        self.any_host = not is_loopback(host)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up mid-request is its own affair; the default would print a traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        encoding = _PROTOBUF
        try:
            self._check_sender()
            self._check_path()
            encoding = _encoding(self.headers.get("Content-Type", ""))
            body = _inflated(self._body(), self.headers.get("Content-Encoding", "identity"))
            self.server.store.add(spans_in(_decoded(body, encoding)))
        except _Refused as refused:
            self.close_connection = self.close_connection or refused.close
            self._answer(refused.status, encoding, _status_message(str(refused), encoding))
        else:
            self._answer(200, encoding, b"{}" if encoding == _JSON else b"")

    def do_GET(self) -> None:
        self.close_connection = True
        self._answer(405, _JSON, _status_message("only POST is answered", _JSON))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def _check_sender(self) -> None:
        if problem := objection(self.headers, any_host=self.server.any_host):  # type: ignore[arg-type]
            raise _Refused(403, problem, close=True)

    def _check_path(self) -> None:
        if self.path.partition("?")[0] != "/v1/traces":
            raise _Refused(404, "spans go to /v1/traces", close=True)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _Refused(411, "Content-Length must be given", close=True)
        if int(length) > MAX_BODY_BYTES:
            raise _Refused(413, f"a body is at most {MAX_BODY_BYTES} bytes", close=True)
        return self.rfile.read(int(length))

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            try:
                size = int(self.rfile.readline(1024).partition(b";")[0], 16)
            except ValueError:
                raise _Refused(400, "chunk size must be hexadecimal", close=True) from None
            total += size
            if size < 0 or total > MAX_BODY_BYTES:
                raise _Refused(413, f"a body is at most {MAX_BODY_BYTES} bytes", close=True)
            if size == 0:
                while self.rfile.readline(1024).strip():
                    pass
                return
            yield self.rfile.read(size)
            self.rfile.readline(8)

    def _answer(self, status: int, encoding: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", encoding)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if body:
            self.wfile.write(body)


def spans_in(request: ExportTraceServiceRequest) -> list[ReceivedSpan]:
    """Every span of the request that has a trace id and a span id, with its service's name."""
    found = []
    for resource_spans in request.resource_spans:
        service = next(
            (pair.value.string_value for pair in resource_spans.resource.attributes if pair.key == "service.name"), ""
        )
        for scope_spans in resource_spans.scope_spans:
            found += [ReceivedSpan(service, span) for span in scope_spans.spans if span.trace_id and span.span_id]
    return found


def _encoding(content_type: str) -> str:
    name = content_type.partition(";")[0].strip().lower()
    if name not in (_PROTOBUF, _JSON):
        raise _Refused(415, f"Content-Type must be {_PROTOBUF} or {_JSON}", close=True)
    return name


def _inflated(body: bytes, content_encoding: str) -> bytes:
    name = content_encoding.strip().lower()
    if name == "identity":
        return body
    if name != "gzip":
        raise _Refused(415, "Content-Encoding must be gzip or identity")
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise _Refused(400, "body is no gzip") from None
    if len(plain) > MAX_BODY_BYTES:
        raise _Refused(413, f"a body is at most {MAX_BODY_BYTES} bytes")
    return plain


def _decoded(body: bytes, encoding: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    try:
        if encoding == _JSON:
            ParseDict(_with_base64_ids(bounded_json.loads(body)), request, ignore_unknown_fields=True)
        elif count_spans(body, _MAX_SPANS) > _MAX_SPANS:
            raise _Refused(413, f"an export is at most {_MAX_SPANS} spans")
        else:
            request.ParseFromString(body)
    except (DecodeError, ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise _Refused(400, "body is no ExportTraceServiceRequest") from None
    return request


def _with_base64_ids(data: Any) -> Any:
    """OTLP's JSON writes ids in hex, where protobuf's own JSON expects base64; who sends base64 is understood too."""
    for resource_spans in data.get("resourceSpans", []):
        for scope_spans in resource_spans.get("scopeSpans", []):
            for span in scope_spans.get("spans", []):
                for holder in (span, *span.get("links", [])):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in holder:
                            holder[name] = base64.b64encode(bytes.fromhex(hex_id(holder[name]) or "")).decode()
    return data


def _status_message(message: str, encoding: str) -> bytes:
    """A google.rpc.Status with only its message, as the specification asks for in refusals."""
    text = message.encode()[:127]
    return json.dumps({"message": message}).encode() if encoding == _JSON else b"\x12" + bytes([len(text)]) + text
