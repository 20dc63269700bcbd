"""Grafana Tempo.

Source: Tempo's HTTP API: "Query V2" (`/api/v2/traces/{id}`), "Query" (`/api/traces/{id}`), "Search"
(`/api/search?q=…&start=…&end=…`, times in seconds), whose answer has summaries of traces without their spans, and
"Query Echo Endpoint".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from boifi_core.observers.trace_sources.dialect import Api, Dialect, Found
from boifi_core.traces import fields, otlp
from boifi_core.wire.http import Answer

_NOBODYS = "f" * 32
"""A trace that is not there."""

_NO_SUCH_PATH = b"404 page not found"
"""What Go's servers say of a path that they do not have; of a trace Tempo says something else, or nothing."""


def _is_tempo(get: Callable[[str], Answer]) -> bool:
    answer = get("/api/echo")
    return answer.status == 200 and answer.body.strip() == b"echo"


def _has_v2(get: Callable[[str], Answer]) -> bool:
    return _is_tempo(get) and not get(f"/api/v2/traces/{_NOBODYS}").body.startswith(_NO_SUCH_PATH)


def _search(service: str, from_ns: int, to_ns: int, limit: int) -> str:
    query = {
        "q": f"{{resource.service.name={json.dumps(service)}}}",
        "start": from_ns // 1_000_000_000,
        "end": to_ns // 1_000_000_000 + 1,
        "limit": limit,
    }
    return f"/api/search?{urlencode(query)}"


def _found(answer: Any) -> list[Found]:
    found = []
    for trace in map(fields.mapping, fields.listing(fields.mapping(answer).get("traces"))):
        trace_id, start_ns = fields.text(trace.get("traceID")), fields.whole(trace.get("startTimeUnixNano"))
        if trace_id is not None and start_ns is not None:
            # Tempo leaves leading zeros out, and `durationMs` where it is 0.
            duration_ms = fields.number(trace.get("durationMs", 0))
            name = fields.text(trace.get("rootTraceName")) or ""
            found.append(Found(trace_id.zfill(32), start_ns, duration_ms, (name,)))
    return found


TEMPO = Dialect(
    "Tempo",
    (
        Api("/api/v2", _has_v2, lambda trace_id: f"/api/v2/traces/{trace_id}", otlp.records, _search, _found),
        Api("/api/traces", _is_tempo, lambda trace_id: f"/api/traces/{trace_id}", otlp.records, _search, _found),
    ),
)
