"""Zipkin's query API.

Source: Zipkin API 2 (`zipkin-api.yaml`): `/api/v2/trace/{traceId}`, and
`/api/v2/traces?serviceName=…&endTs=…&lookback=…`, the last two in milliseconds. Looked at were the answers of Zipkin
3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from boifi_core.observers.trace_sources.dialect import Api, Dialect, Found, found_in, json_at
from boifi_core.traces import fields, zipkin
from boifi_core.traces.record import Record
from boifi_core.wire.http import Answer


def _is_zipkin(get: Callable[[str], Answer]) -> bool:
    return isinstance(json_at(get, "/api/v2/services"), list)


def _records(answer: Any) -> Iterable[Record]:
    return zipkin.records(fields.listing(answer))


def _search(service: str, from_ns: int, to_ns: int, limit: int) -> str:
    end_ms = to_ns // 1_000_000 + 1
    # Zipkin knows services by their names in lower case.
    query = {
        "serviceName": service.lower(),
        "endTs": end_ms,
        "lookback": end_ms - from_ns // 1_000_000,
        "limit": limit,
    }
    return f"/api/v2/traces?{urlencode(query)}"


def _found(answer: Any) -> list[Found]:
    return found_in(zipkin.records(trace) for trace in fields.listing(answer) if isinstance(trace, list))


ZIPKIN = Dialect(
    "Zipkin",
    (Api("/api/v2", _is_zipkin, lambda trace_id: f"/api/v2/trace/{trace_id}", _records, _search, _found),),
)
