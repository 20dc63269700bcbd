"""A real HTTP target for the probe: answers as it is told, and exports a span per request over OTLP if asked to."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from loopback import Loopback
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Reply:
    """What is answered: after `delay_s`, with this status and body; `cut` drops the connection instead.

    `traced`: whether its span is exported, where any is.
    """

    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False
    traced: bool = True


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


@dataclass
class Target(Loopback):
    """A threaded server on a free loopback port; `reply` is asked for each request."""

    reply: Callable[[Seen], Reply] = lambda seen: Reply()
    otlp_port: int | None = None
    seen: list[Seen] = field(default_factory=list)
    running: int = 0

    def __post_init__(self) -> None:
        self._guard = threading.Lock()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    def count(self, change: int) -> None:
        with self._guard:
            self.running += change


def span_request(
    traceparent: str, *, service: str = "shop", name: str = "GET /", error: bool = False, start_ns: int, end_ns: int
) -> ExportTraceServiceRequest:
    """An export of one server span, child of the `traceparent`."""
    _, trace_id, parent_id, _ = traceparent.split("-")
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    attribute = resource_spans.resource.attributes.add(key="service.name")
    attribute.value.string_value = service
    span = resource_spans.scope_spans.add().spans.add(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(parent_id)[::-1],
        parent_span_id=bytes.fromhex(parent_id),
        name=name,
        kind=2,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=end_ns,
    )
    if error:
        span.status.code = 2
    return request


def export(port: int, request: ExportTraceServiceRequest) -> None:
    """Send it as protobuf, as an exporter would."""
    urllib.request.urlopen(
        urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/traces",
            data=request.SerializeToString(),
            headers={"Content-Type": "application/x-protobuf"},
        ),
        timeout=5,
    ).close()


def _handler(target: Target) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            target.count(1)
            try:
                self._serve()
            finally:
                target.count(-1)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen = Seen(self.command, self.path, dict(self.headers), body, self.client_address)
            target.seen.append(seen)
            reply = target.reply(seen)
            start_ns = time.time_ns()
            time.sleep(reply.delay_s)
            if target.otlp_port is not None and reply.traced:
                traceparent = {name.lower(): value for name, value in seen.headers.items()}["traceparent"]
                request = span_request(
                    traceparent,
                    name=f"{self.command} {self.path}",
                    error=reply.status >= 500,
                    start_ns=start_ns,
                    end_ns=time.time_ns(),
                )
                export(target.otlp_port, request)
            if reply.cut:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
