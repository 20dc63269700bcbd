"""Jaeger's query service.

Sources: Jaeger's "APIs" page; `api_v3/query_service.proto` (`/api/v3/traces`, OTLP as JSON, times in RFC 3339); for
older ones `http_handler.go` (`/api/traces/{id}`, `/api/traces?service=…&start=…&end=…`, times in microseconds), whose
search and lists are gone after 2.20. Looked at were the answers of Jaeger 1.76: 200 and a web page to every unknown
path, 500 to a limit above its `max_traces`, all traces of a search in one list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from boifi_core.observers.trace_sources.dialect import Api, Dialect, Found, found_in, json_at
from boifi_core.traces import fields, jaeger, otlp
from boifi_core.traces.record import Record
from boifi_core.wire.http import Answer


def _has_v3(get: Callable[[str], Answer]) -> bool:
    services = json_at(get, "/api/v3/services")
    return isinstance(services, dict) and services.keys() <= {"services"}


def _has_v1(get: Callable[[str], Answer]) -> bool:
    services = json_at(get, "/api/services")
    return isinstance(services, dict) and "data" in services and "errors" in services


def _v3_search(service: str, from_ns: int, to_ns: int, limit: int) -> str:
    query = {
        "query.service_name": service,
        "query.start_time_min": _rfc3339(from_ns),
        "query.start_time_max": _rfc3339(to_ns),
        # Its name in the schema today, and the one that is read.
        "query.search_depth": limit,
        "query.num_traces": limit,
    }
    return f"/api/v3/traces?{urlencode(query)}"


def _v1_search(service: str, from_ns: int, to_ns: int, limit: int) -> str:
    query = {"service": service, "start": from_ns // 1000, "end": to_ns // 1000 + 1, "limit": limit}
    return f"/api/traces?{urlencode(query)}"


def _v3_found(answer: Any) -> list[Found]:
    traces: dict[str | None, list[Record]] = defaultdict(list)
    for record in otlp.records(answer):
        traces[record.trace_id].append(record)
    return found_in(traces.values())


def _v1_records(answer: Any) -> Iterable[Record]:
    return jaeger.records(answer) if jaeger.matches(answer) else ()


def _v1_found(answer: Any) -> list[Found]:
    traces = fields.listing(fields.mapping(answer).get("data"))
    return found_in(jaeger.records(trace) for trace in traces if isinstance(trace, dict))


def _rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


JAEGER = Dialect(
    "Jaeger",
    (
        Api("/api/v3", _has_v3, lambda trace_id: f"/api/v3/traces/{trace_id}", otlp.records, _v3_search, _v3_found),
        Api("/api/traces", _has_v1, lambda trace_id: f"/api/traces/{trace_id}", _v1_records, _v1_search, _v1_found),
    ),
)
