"""A played request's trace, as services report it that OpenTelemetry's default instrumentation traces.

A client's and a server's span for each call, the client's named by the method alone; databases, caches and queues as
their clients tell of them. Source: OpenTelemetry Semantic Conventions, "HTTP spans", "Database client spans",
"Messaging spans" (stable names).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.applications.model import Application
from benchmarks.applications.play import Played, Step
from boifi_core.traces import Span, spans_of

_EPOCH_NS = 1_767_225_600_000_000_000
"""When virtual time begins: 2026-01-01, UTC."""

_KINDS = {"server": 2, "client": 3, "producer": 4, "consumer": 5, "store": 3}
_ERROR = {"code": 2}


def spans(application: Application, played: Played) -> list[Span]:
    """What the probe would have read of this request's trace."""
    return spans_of([document(application, played)])


def document(application: Application, played: Played) -> dict[str, Any]:
    """The trace as OTLP's JSON has it."""
    by_service: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for place, step in enumerate(played.steps):
        by_service[application.service_of(step.caller)].append(_span(application, place, step))
    return {
        "resourceSpans": [
            {"resource": {"attributes": _attributes({"service.name": name})}, "scopeSpans": [{"spans": spans}]}
            for name, spans in by_service.items()
        ]
    }


def _span(application: Application, place: int, step: Step) -> dict[str, Any]:
    name, attributes, failed = _told(application, step)
    span = {
        "traceId": f"{1:032x}",
        "spanId": f"{place + 1:016x}",
        "name": name,
        "kind": _KINDS[step.kind],
        "startTimeUnixNano": str(_EPOCH_NS + round(step.start_ms * 1e6)),
        "endTimeUnixNano": str(_EPOCH_NS + round(step.end_ms * 1e6)),
        "attributes": _attributes(attributes),
    }
    if step.parent >= 0:
        span["parentSpanId"] = f"{step.parent + 1:016x}"
    if failed:
        span["status"] = _ERROR
    return span


def _told(application: Application, step: Step) -> tuple[str, dict[str, str | int], bool]:
    """Name, attributes, and whether it failed."""
    operation = application.operations[step.what]
    service = application.service_of(step.what)
    if step.kind == "store":
        system, verb = (operation.store or "").split()
        return f"{verb} {service}", {"db.system.name": system, "db.operation.name": verb}, False
    if step.kind in ("producer", "consumer"):
        doing = "send" if step.kind == "producer" else "process"
        attributes: dict[str, str | int] = {"messaging.system": "kafka", "messaging.destination.name": service}
        return f"{doing} {service}", attributes | {"messaging.operation.name": doing}, step.status >= 400
    attributes = {"http.request.method": operation.method}
    if step.kind == "server":
        name, failed = f"{operation.method} {operation.route}", step.status >= 500
        attributes |= {"http.route": operation.route, "url.path": operation.path}
    else:
        name, failed = operation.method, step.status >= 400 or step.status == 0
        attributes |= {"server.address": service, "url.full": f"http://{service}:8080{operation.path}"}
    if step.status:
        attributes["http.response.status_code"] = step.status
    if failed:
        attributes["error.type"] = str(step.status) if step.status else "timeout"
    return name, attributes, failed


def _attributes(values: dict[str, str | int]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": value} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]
