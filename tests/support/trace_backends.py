"""Small servers that take spans over OTLP and answer for them as Jaeger, Tempo and Zipkin do.

Those of Jaeger and Zipkin answer as Jaeger 1.76 and Zipkin 3.5 were seen to, refusals included; one test runs over them
and the real ones alike. Tempo's follows its documents: "Query", "Query V2", "Search", "Query Echo Endpoint".
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
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


Answered = tuple[int, str, bytes]
"""Status, content type, body."""

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

WEB_PAGE = 200, "text/html; charset=utf-8", b"<!DOCTYPE html>\n<html><title>Jaeger UI</title></html>"
"""What Jaeger says of every path that it does not know."""

GO_404 = 404, TEXT, b"404 page not found\n"


@dataclass
class TraceBackend(Loopback):
    """A backend on a free loopback port that is also its OTLP port.

    Attributes:
        api: answers a GET by its path and query from the spans held.
        ingest_s: how long a span takes from its arrival until it can be asked for; may depend on it.
        most: traces that may be asked for at once; Jaeger's `max_traces`, Tempo's `max_result_limit`.
        reply: if set, what is answered instead of all this.
        asked: the GETs so far, path with query.
        headers: those of the last GET.
    """

    api: Callable[[TraceBackend, str, dict[str, str]], Answered]
    ingest_s: Callable[[Any], float] = lambda span: 0.0
    most: int = 100_000
    reply: Answered | None = None
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
        """What can be asked for now, by trace id; the newest first."""
        found: dict[str, list[Held]] = defaultdict(list)
        for each in sorted(self.held, key=lambda each: each.span.start_time_unix_nano, reverse=True):
            if each.visible_at <= time.monotonic():
                found[each.trace_id].append(each)
        return found

    def within(self, matches: Callable[[Held], bool]) -> list[list[Held]]:
        """The traces that have a span of which this is true."""
        return [trace for trace in self.traces().values() if any(map(matches, trace))]


def jaeger_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered:
    """Of 1.76, which has both."""
    return _jaeger_v3(backend, path, query) or _jaeger_v1(backend, path, query) or WEB_PAGE


def jaeger_old_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered:
    """Of one that has no `/api/v3` yet."""
    return _jaeger_v1(backend, path, query) or WEB_PAGE


def jaeger_new_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered:
    """Of one that has removed the lists and the search of its pages' own API."""
    old = _jaeger_v1(backend, path, query) if path.startswith("/api/traces/") else None
    return _jaeger_v3(backend, path, query) or old or WEB_PAGE


def _jaeger_v1(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered | None:
    if path == "/api/services":
        names = list(dict.fromkeys(each.service for each in backend.held))
        return _json({"data": names or None, "total": len(names), "limit": 0, "offset": 0, "errors": None})
    if path.startswith("/api/traces/"):
        trace = backend.traces().get(path.rpartition("/")[2].zfill(32))
        return _jaeger_v1_traces([trace]) if trace else _jaeger_v1_error(404, "trace not found")
    if path != "/api/traces":
        return None
    if "service" not in query:
        return _jaeger_v1_error(400, "parameter 'service' is required")
    for name in ("start", "end", "limit"):
        if not query.get(name, "0").lstrip("-").isdecimal():
            return _jaeger_v1_error(
                400, f"unable to parse param '{name}': strconv.ParseInt: parsing \"{query[name]}\": invalid syntax"
            )
    limit = int(query.get("limit", 100))
    if not 0 < limit <= backend.most:
        return _jaeger_v1_error(500, _DEPTH)
    end_ns = int(query["end"]) * 1000 if "end" in query else time.time_ns()
    start_ns = int(query["start"]) * 1000 if "start" in query else end_ns - 3600 * 10**9
    return _jaeger_v1_traces(_jaeger_search(backend, query["service"], start_ns, end_ns)[:limit])


_DEPTH = "search depth must be greater than 0 and less than max traces"


def _jaeger_search(backend: TraceBackend, service: str | None, start_ns: int, end_ns: int) -> list[list[Held]]:
    return backend.within(
        lambda each: service in (None, each.service) and start_ns <= each.span.start_time_unix_nano <= end_ns
    )


def _jaeger_v1_traces(traces: list[list[Held]]) -> Answered:
    return _json({"data": [_jaeger_trace(trace) for trace in traces], "total": 0, "limit": 0, "errors": None})


def _jaeger_v1_error(status: int, message: str) -> Answered:
    return _json({"data": None, "total": 0, "errors": [{"code": status, "msg": message}]}, status, TEXT)


def _jaeger_v3(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered | None:
    if path == "/api/v3/services":
        names = list(dict.fromkeys(each.service for each in backend.held))
        return _json({"services": names} if names else {}, 200, TEXT)
    if path.startswith("/api/v3/traces/"):
        trace = backend.traces().get(path.rpartition("/")[2].zfill(32))
        return _jaeger_v3_traces([trace] if trace else [])
    if path != "/api/v3/traces":
        return None
    times = [query.get(f"query.start_time_{which}", "") for which in ("min", "max")]
    if not all(times):
        return _jaeger_v3_error(400, "query.start_time_min and query.start_time_max are required")
    if not all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", text) for text in times):
        return _jaeger_v3_error(400, f'malformed parameter query.start_time_min: parsing time "{times[0]}"')
    limit = int(query.get("query.num_traces", 0))  # `search_depth` is not looked at
    if not 0 < limit <= backend.most:
        return _jaeger_v3_error(500, _DEPTH)
    start_ns, end_ns = map(_ns, times)
    return _jaeger_v3_traces(_jaeger_search(backend, query.get("query.service_name"), start_ns, end_ns)[:limit])


def _ns(rfc3339: str) -> int:
    seconds, _, rest = rfc3339.rstrip("Z").partition(".")
    return round(datetime.fromisoformat(f"{seconds}+00:00").timestamp()) * 10**9 + int(rest.ljust(9, "0"))


def _jaeger_v3_traces(traces: list[list[Held]]) -> Answered:
    """All of them in one list."""
    if not traces:
        return _jaeger_v3_error(404, "No traces found")
    found = [_dict(each, hex_ids=True) for trace in traces for each in trace]
    for resource_spans in found:
        for span in resource_spans["scopeSpans"][0]["spans"]:
            span["kind"] = KINDS.index(span.get("kind", "SPAN_KIND_SERVER").removeprefix("SPAN_KIND_").lower())
    return _json({"result": {"resourceSpans": found}}, 200, TEXT)


def _jaeger_v3_error(status: int, message: str) -> Answered:
    return _json({"error": {"httpCode": status, "message": message}}, status, TEXT)


def tempo_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered:
    if path == "/api/echo":
        return 200, TEXT, b"echo"
    if path == "/api/search":
        return _tempo_search(backend, query)
    if not path.startswith(("/api/v2/traces/", "/api/traces/")):
        return GO_404
    trace_id = path.rpartition("/")[2]
    if not re.fullmatch(r"[0-9a-fA-F]{1,32}", trace_id):
        return 400, TEXT, b"trace IDs can only contain hex characters"
    trace = backend.traces().get(trace_id.zfill(32))
    if not trace:
        return 404, TEXT, b""
    found = [_dict(each, hex_ids=False) for each in trace]
    is_v2 = path.startswith("/api/v2/")
    return _json({"trace": {"resourceSpans": found}, "metrics": {}} if is_v2 else {"batches": found})


def _tempo_search(backend: TraceBackend, query: dict[str, str]) -> Answered:
    start_ns, end_ns = int(query["start"]) * 10**9, int(query["end"]) * 10**9
    if start_ns >= end_ns:
        return 400, TEXT, b"http parameter start must be before end"
    limit = int(query.get("limit", 20))
    if not 0 < limit <= backend.most:
        return 400, TEXT, f"limit {limit} exceeds max limit {backend.most}".encode()
    match = re.fullmatch(r'\{resource\.service\.name=("(?:[^"\\]|\\.)*")\}', query["q"])
    if match is None:
        return 400, TEXT, b"invalid TraceQL query: parse error at line 1, col 1"
    service = json.loads(match[1])
    traces = [
        trace
        for trace in backend.within(lambda each: each.service == service)
        if start_ns <= min(each.span.start_time_unix_nano for each in trace) <= end_ns
    ]
    return _json({"traces": [_tempo_summary(trace) for trace in traces[:limit]], "metrics": {"completedJobs": 1}})


def tempo_v1_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered:
    """Of a Tempo from before its second version of the API."""
    return GO_404 if path.startswith("/api/v2/") else tempo_api(backend, path, query)


def zipkin_api(backend: TraceBackend, path: str, query: dict[str, str]) -> Answered:
    if path == "/api/v2/services":
        return _json(sorted({each.service.lower() for each in backend.held}))
    if path == "/api/v2/traces":
        return _zipkin_search(backend, query)
    if not path.startswith("/api/v2/trace/"):
        return 404, TEXT, b"404 Not Found"
    trace_id = path.rpartition("/")[2]
    if not re.fullmatch(r"[0-9a-f]{1,32}", trace_id):
        return 400, "text/*", f"{trace_id} should be lower-hex encoded with no prefix".encode()
    trace = backend.traces().get(trace_id.zfill(32))
    if not trace:
        return 404, "text/*", f"{trace_id.zfill(16)} not found".encode()
    return _json([_zipkin_span(each) for each in trace])


def _zipkin_search(backend: TraceBackend, query: dict[str, str]) -> Answered:
    for name in ("limit", "endTs", "lookback"):
        if int(query.get(name, 1)) <= 0:
            return 400, "text/*", f"{name} <= 0".encode()
    end_ns = int(query.get("endTs", time.time_ns() // 10**6)) * 10**6
    start_ns = end_ns - int(query.get("lookback", 86_400_000)) * 10**6
    service = query.get("serviceName", "").lower()
    traces = [
        trace
        for trace in backend.within(lambda each: service in ("", each.service.lower()))
        if start_ns <= min(each.span.start_time_unix_nano for each in trace) <= end_ns
    ]
    return _json([[_zipkin_span(each) for each in trace] for trace in traces[: int(query.get("limit", 10))]])


def _json(value: Any, status: int = 200, content_type: str = JSON) -> Answered:
    return status, content_type, json.dumps(value).encode()


def _short(trace_id: str) -> str:
    """Without an upper half of zeros."""
    return trace_id[16:] if trace_id.startswith("0" * 16) else trace_id


def _jaeger_trace(trace: list[Held]) -> dict[str, Any]:
    services = sorted({each.service for each in trace})
    return {
        "traceID": _short(trace[0].trace_id),
        "spans": [_jaeger_span(each, f"p{services.index(each.service) + 1}") for each in trace],
        "processes": {f"p{number}": {"serviceName": name, "tags": []} for number, name in enumerate(services, 1)},
        "warnings": None,
    }


def _jaeger_span(held: Held, process_id: str) -> dict[str, Any]:
    span = held.span
    tags = [{"key": "span.kind", "type": "string", "value": KINDS[span.kind]}]
    if span.status.code == 2:
        tags.append({"key": "error", "type": "bool", "value": True})
    parent = {"refType": "CHILD_OF", "traceID": _short(held.trace_id), "spanID": span.parent_span_id.hex()}
    return {
        "traceID": _short(held.trace_id),
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


def zipkin_sent(held: Held) -> dict[str, Any]:
    """A span as a service sends it to Zipkin."""
    span = held.span
    made = {
        "traceId": held.trace_id,
        "id": span.span_id.hex(),
        "kind": KINDS[span.kind].upper(),
        "name": span.name,
        "timestamp": span.start_time_unix_nano // 1000,
        "duration": max(1, (span.end_time_unix_nano - span.start_time_unix_nano) // 1000),
        "localEndpoint": {"serviceName": held.service},
        "tags": {"error": "500"} if span.status.code == 2 else {},
    }
    return {**made, "parentId": span.parent_span_id.hex()} if span.parent_span_id else made


def _zipkin_span(held: Held) -> dict[str, Any]:
    """As it is stored: names in lower case."""
    sent = zipkin_sent(held)
    return {
        **sent,
        "traceId": _short(sent["traceId"]),
        "name": sent["name"].lower(),
        "localEndpoint": {"serviceName": held.service.lower()},
    }


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
        if held.span.parent_span_id:  # an empty one is left out
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
            self._answer(*backend.api(backend, parts.path, query))

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
