"""Spans as an OpenTelemetry SDK exports them."""

import json
from typing import Any

START_NS = 1_700_000_000_000_000_000


def sent(
    id_: int,
    parent: int | None,
    service: str,
    name: str,
    start_ms: float,
    ms: float,
    kind: int,
    *,
    error: bool = False,
    **attributes: Any,
) -> dict[str, Any]:
    """The resource spans of one span."""
    start_ns = START_NS + round(start_ms * 1e6)
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{id_:016x}",
        "parentSpanId": "" if parent is None else f"{parent:016x}",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + round(ms * 1e6)),
        "status": {"code": 2} if error else {},
        "attributes": [{"key": key, "value": _value(value)} for key, value in attributes.items()],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resource": resource, "scopeSpans": [{"spans": [span]}]}


def otlp(*spans: dict[str, Any]) -> str:
    """An export of these spans."""
    return json.dumps({"resourceSpans": list(spans)})


def _value(value: Any) -> dict[str, Any]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
