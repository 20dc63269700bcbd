"""Grafana Tempo.

Source: Tempo's HTTP API: "Query V2" (`/api/v2/traces/{id}`), "Query" (`/api/traces/{id}`), "Search"
(`/api/search?q=…&start=…&end=…`, times in seconds), whose answer has summaries of traces without their spans.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from boifi_core.observers.trace_sources.dialect import MAX_FOUND, Dialect, Found
from boifi_core.traces import fields, otlp
from boifi_core.traces.record import Record


def _paths(trace_id: str) -> tuple[str, ...]:
    return f"/api/v2/traces/{trace_id}", f"/api/traces/{trace_id}"


def _records(answer: Any) -> Iterable[Record]:
    return otlp.records(answer)


def _search(service: str, from_ns: int, to_ns: int) -> str:
    query = {
        "q": f"{{resource.service.name={json.dumps(service)}}}",
        "start": from_ns // 1_000_000_000,
        "end": to_ns // 1_000_000_000 + 1,
        "limit": MAX_FOUND,
    }
    return f"/api/search?{urlencode(query)}"


def _found(answer: Any) -> list[Found]:
    found = []
    for trace in map(fields.mapping, fields.listing(fields.mapping(answer).get("traces"))):
        trace_id, start_ns = fields.text(trace.get("traceID")), fields.whole(trace.get("startTimeUnixNano"))
        if trace_id is not None and start_ns is not None:
            # Tempo leaves leading zeros out, and `durationMs` where it is 0.
            duration_ms = fields.number(trace.get("durationMs", 0))
            operation = fields.text(trace.get("rootTraceName")) or ""
            found.append(Found(trace_id.zfill(32), start_ns, duration_ms, operation))
    return found


TEMPO = Dialect(_paths, _records, _search, _found)
