"""Small servers that take spans over OTLP and answer for them as Jaeger, Tempo and Zipkin do.

They follow the published schemas: Jaeger's `model/json` and `http_handler.go` (`/api/traces`) and `api_v3` (`/api/v3`),
Tempo's "Query", "Query V2" and "Search", Zipkin's `zipkin-api.yaml`. The real backends are not run here.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf.json_format import MessageToDict
from loopback import Loopback
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

KINDS = ("", "", "server", "client", "producer", "consumer")


@dataclass
class Held:
    """A span as it arrived: with its resource, and when it can be asked for."""

    resource_spans: ResourceSpans
    visible_at: float

    @property
    def span(self) -> Any:
        return self.resource_spans.scope_spans[0].spans[0]

    @property
    def service(self) -> str:
        return self.resource_spans.resource.attributes[0].value.string_value

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()


@dataclass
class TraceBackend(Loopback):
    """A backend on a free loopback port that is also its OTLP port.

    Attributes:
        api: answers a GET by its path and query from the spans held; None is a 404.
        ingest_s: how long a span takes from its arrival until it can be asked for; may depend on it.
        reply: if set, what is answered instead of all this: status, content type, body.
        asked: the GETs so far, path with query.
        headers: those of the last GET.
    """

    api: Callable[[TraceBackend, str, dict[str, str]], Any]
    ingest_s: Callable[[Any], float] = lambda span: 0.0
    reply: tuple[int, str, bytes] | None = None
    held: list[Held] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource_spans in request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    alone = ResourceSpans(resource=resource_spans.resource)
                    alone.scope_spans.add().spans.append(span)
                    self.held.append(Held(alone, time.monotonic() + self.ingest_s(span)))

    def traces(self) -> dict[str, list[Held]]:
        """What can be asked for now, by trace id."""
        found: dict[str, list[Held]] = defaultdict(list)
        for each in list(self.held):
            if each.visible_at <= time.monotonic():
                found[each.trace_id].append(each)
        return found

    def within(self, service: str, from_ns: float, to_ns: float) -> list[list[Held]]:
        """The traces that this service has a span in and that began within these times."""
        return [
            trace
            for trace in self.traces().values()
            if any(each.service == service for each in trace)
            and from_ns <= min(each.span.start_time_unix_nano for each in trace) <= to_ns
        ]


def jaeger_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Any:
    if path.startswith("/api/traces/"):
        trace = backend.traces().get(path.rpartition("/")[2].zfill(32))
        return {"data": [_jaeger_trace(trace)], "total": 0, "limit": 0, "offset": 0, "errors": None} if trace else None
    if path == "/api/traces" and "service" in query:
        traces = backend.within(query["service"], int(query["start"]) * 1000, int(query["end"]) * 1000)
        return {"data": [_jaeger_trace(trace) for trace in traces[: int(query["limit"])]], "errors": None}
    return None


def jaeger_v3_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Any:
    """Of a Jaeger that has only the newer API: OTLP as the collector writes it, in `result`."""
    trace = backend.traces().get(path.rpartition("/")[2])
    if not path.startswith("/api/v3/traces/") or not trace:
        return None
    found = {"resourceSpans": [_dict(each, hex_ids=True) for each in trace]}
    for resource_spans in found["resourceSpans"]:
        for span in resource_spans["scopeSpans"][0]["spans"]:
            span["kind"] = KINDS.index(span.get("kind", "SPAN_KIND_SERVER").removeprefix("SPAN_KIND_").lower())
    return {"result": found}


def tempo_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Any:
    if path == "/api/search":
        service = json.loads(query["q"].removeprefix("{resource.service.name=").removesuffix("}"))
        traces = backend.within(service, int(query["start"]) * 10**9, int(query["end"]) * 10**9)
        return {"traces": [_tempo_summary(trace) for trace in traces], "metrics": {"completedJobs": 1}}
    trace = backend.traces().get(path.rpartition("/")[2])
    if not trace:
        return None
    found = [_dict(each, hex_ids=False) for each in trace]
    if path.startswith("/api/v2/traces/"):
        return {"trace": {"resourceSpans": found}, "metrics": {}}
    return {"batches": found} if path.startswith("/api/traces/") else None


def tempo_v1_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Any:
    """Of a Tempo from before its second version of the API."""
    return None if path.startswith("/api/v2/") else tempo_api(backend, path, query)


def zipkin_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Any:
    if path == "/api/v2/traces":
        end_ns = int(query["endTs"]) * 10**6
        traces = backend.within(query["serviceName"], end_ns - int(query["lookback"]) * 10**6, end_ns)
        return [[_zipkin_span(each) for each in trace] for trace in traces[: int(query["limit"])]]
    trace = backend.traces().get(path.rpartition("/")[2])
    return [_zipkin_span(each) for each in trace] if trace and path.startswith("/api/v2/trace/") else None


def _jaeger_trace(trace: list[Held]) -> dict[str, Any]:
    services = sorted({each.service for each in trace})
    return {
        "traceID": trace[0].trace_id,
        "spans": [_jaeger_span(each, f"p{services.index(each.service) + 1}") for each in trace],
        "processes": {f"p{number}": {"serviceName": name, "tags": []} for number, name in enumerate(services, 1)},
        "warnings": None,
    }


def _jaeger_span(held: Held, process_id: str) -> dict[str, Any]:
    span = held.span
    tags = [{"key": "span.kind", "type": "string", "value": KINDS[span.kind]}]
    if span.status.code == 2:
        tags.append({"key": "error", "type": "bool", "value": True})
    parent = {"refType": "CHILD_OF", "traceID": held.trace_id, "spanID": span.parent_span_id.hex()}
    return {
        "traceID": held.trace_id,
        "spanID": span.span_id.hex(),
        "operationName": span.name,
        "references": [parent] if span.parent_span_id else [],
        "startTime": span.start_time_unix_nano // 1000,
        "duration": (span.end_time_unix_nano - span.start_time_unix_nano) // 1000,
        "tags": tags,
        "logs": [],
        "processID": process_id,
        "warnings": None,
    }


def _zipkin_span(held: Held) -> dict[str, Any]:
    span = held.span
    made = {
        "traceId": held.trace_id,
        "id": span.span_id.hex(),
        "kind": KINDS[span.kind].upper(),
        "name": span.name.lower(),
        "timestamp": span.start_time_unix_nano // 1000,
        "duration": max(1, (span.end_time_unix_nano - span.start_time_unix_nano) // 1000),
        "localEndpoint": {"serviceName": held.service},
        "tags": {"error": "500"} if span.status.code == 2 else {},
    }
    return {**made, "parentId": span.parent_span_id.hex()} if span.parent_span_id else made


def _tempo_summary(trace: list[Held]) -> dict[str, Any]:
    root = min(trace, key=lambda each: each.span.start_time_unix_nano)
    duration_ms = (root.span.end_time_unix_nano - root.span.start_time_unix_nano) // 10**6
    summary = {
        "traceID": root.trace_id.lstrip("0"),
        "rootServiceName": root.service,
        "rootTraceName": root.span.name,
        "startTimeUnixNano": str(root.span.start_time_unix_nano),
    }
    return {**summary, "durationMs": duration_ms} if duration_ms else summary


def _dict(held: Held, *, hex_ids: bool) -> dict[str, Any]:
    """As protobuf's own JSON has it, ids in base64; or with ids in hex, as OTLP has it."""
    made = MessageToDict(held.resource_spans)
    if hex_ids:
        span = made["scopeSpans"][0]["spans"][0]
        span |= {"traceId": held.trace_id, "spanId": held.span.span_id.hex()}
        span["parentSpanId"] = held.span.parent_span_id.hex()
    return made


def _handler(backend: TraceBackend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            backend.take(ExportTraceServiceRequest.FromString(body))
            self._answer(200, "application/x-protobuf", b"")

        def do_GET(self) -> None:
            backend.asked.append(self.path)
            backend.headers = dict(self.headers)
            if backend.reply is not None:
                self._answer(*backend.reply)
                return
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            found = backend.api(backend, parts.path, query)
            body = json.dumps(found if found is not None else {"errors": [{"code": 404, "msg": "trace not found"}]})
            self._answer(200 if found is not None else 404, "application/json", body.encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
