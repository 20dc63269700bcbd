"""Jaeger's query service.

Sources: Jaeger's "APIs" page and `http_handler.go` (`/api/traces/{id}`, `/api/traces?service=…&start=…&end=…`, times in
microseconds), `api_v3/query_service.proto` (`/api/v3/traces/{id}`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from boifi_core.observers.trace_sources.dialect import MAX_FOUND, Dialect, Found, found_in
from boifi_core.traces import fields, jaeger, otlp
from boifi_core.traces.record import Record


def _paths(trace_id: str) -> tuple[str, ...]:
    return f"/api/traces/{trace_id}", f"/api/v3/traces/{trace_id}"


def _records(answer: Any) -> Iterable[Record]:
    if otlp.matches(answer):
        return otlp.records(answer)
    return jaeger.records(answer) if jaeger.matches(answer) else ()


def _search(service: str, from_ns: int, to_ns: int) -> str:
    query = {"service": service, "start": from_ns // 1000, "end": to_ns // 1000 + 1, "limit": MAX_FOUND}
    return f"/api/traces?{urlencode(query)}"


def _found(answer: Any) -> list[Found]:
    traces = fields.listing(fields.mapping(answer).get("data"))
    return found_in(jaeger.records(trace) for trace in traces if isinstance(trace, dict))


JAEGER = Dialect(_paths, _records, _search, _found)
