"""OTLP as JSON: exports, files with one on each line, Tempo's answers (v1 and v2) and Jaeger's (v3).

Sources: OpenTelemetry Protocol Specification 1.7, "JSON Protobuf Encoding"; OpenTelemetry Protocol File Exporter;
Tempo's HTTP API, "Query" and "Query V2"; Jaeger's api_v3 `QueryService`, whose HTTP gateway wraps it in `result`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any

from boifi_core.traces import fields, outcome
from boifi_core.traces.record import ATTRIBUTES, KINDS, Record, named_kind

_WRAPPINGS = ("trace", "result")
_RESOURCES = ("resourceSpans", "resource_spans", "batches")  # names with underscores are protobuf's own
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans")
_VALUES = (
    "stringValue",
    "intValue",
    "doubleValue",
    "boolValue",
    "string_value",
    "int_value",
    "double_value",
    "bool_value",
)
_ERROR = 2
_HEX_ID = re.compile(r"[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}")
_BASE64_LENGTHS = (12, 24)  # of 8 and of 16 bytes


def matches(document: Any) -> bool:
    """Whether there are resources with spans in it, wrapped or not."""
    return _resources(document) is not None


def records(document: Any) -> Iterator[Record]:
    """Every span of the document that is an object."""
    for resource_spans in fields.listing(_resources(document)):
        resource_spans = fields.mapping(resource_spans)
        resource = _attributes(fields.mapping(resource_spans.get("resource")), {"service.name"})
        service = fields.text(resource.get("service.name"))
        for scope_spans in _first(resource_spans, _SCOPES) or ():
            for span in fields.listing(fields.mapping(scope_spans).get("spans")):
                if isinstance(span, dict):
                    yield _record(span, service)


def hex_id(value: Any) -> str | None:
    """A trace's or span's id in lower-case hex, from hex (as OTLP has it) or base64 (as protobuf's own JSON has it).

    What is neither stays as it is, if it is text; an id of zeros is none.
    """
    found = fields.text(value)
    if found is None:
        return None
    if _HEX_ID.fullmatch(found):
        found = found.lower()
    elif len(found) in _BASE64_LENGTHS:
        try:
            found = base64.b64decode(found, validate=True).hex()
        except ValueError:
            return found
    return found if found.strip("0") else None


def _resources(document: Any) -> list[Any] | None:
    if not isinstance(document, dict):
        return None
    found = _first(document, _RESOURCES)
    inner = next((document[name] for name in _WRAPPINGS if isinstance(document.get(name), dict)), None)
    return _first(inner, _RESOURCES) if found is None and inner is not None else found


def _first(holder: dict[str, Any], names: Sequence[str]) -> list[Any] | None:
    """The first of these lists that is there."""
    return next((holder[name] for name in names if isinstance(holder.get(name), list)), None)


def _record(span: dict[str, Any], service: str | None) -> Record:
    start_ns = fields.whole(_of(span, "startTimeUnixNano", "start_time_unix_nano"))
    end_ns = fields.whole(_of(span, "endTimeUnixNano", "end_time_unix_nano"))
    status = fields.mapping(span.get("status"))
    timed = start_ns and end_ns  # protobuf's 0 is "not given"
    return Record(
        trace_id=hex_id(_of(span, "traceId", "trace_id")),
        id=hex_id(_of(span, "spanId", "span_id")),
        parent_id=hex_id(_of(span, "parentSpanId", "parent_span_id")),
        service=service,
        operation=fields.text(span.get("name")) or "",
        kind=_kind(span.get("kind")),
        start_ns=start_ns or None,
        duration_ns=max(0, (end_ns or 0) - (start_ns or 0)) if timed else None,
        failed=_is_error(status.get("code")),
        attributes=_attributes(span, ATTRIBUTES),
        links=[
            (hex_id(_of(link, "traceId", "trace_id")), hex_id(_of(link, "spanId", "span_id")))
            for link in fields.listing(span.get("links"))
            if isinstance(link, dict)
        ],
        why=outcome.told_by(fields.text(status.get("message")), map(_exception, fields.listing(span.get("events")))),
    )


def _exception(event: Any) -> tuple[str | None, str | None]:
    told = _attributes(fields.mapping(event), {"exception.type", "exception.message"})
    return fields.text(told.get("exception.type")), fields.text(told.get("exception.message"))


def _of(holder: dict[str, Any], name: str, in_protobuf: str) -> Any:
    return holder[name] if name in holder else holder.get(in_protobuf)


def _kind(value: Any) -> str:
    number = fields.whole(value)
    if number is not None:
        return KINDS[number] if number < len(KINDS) else KINDS[0]
    return named_kind(value.removeprefix("SPAN_KIND_") if isinstance(value, str) else None)


def _is_error(value: Any) -> bool:
    return value == _ERROR or value in ("STATUS_CODE_ERROR", "ERROR", str(_ERROR))


def _attributes(holder: dict[str, Any], wanted: frozenset[str] | set[str]) -> dict[str, Any]:
    found = {}
    for pair in fields.listing(holder.get("attributes")):
        pair = fields.mapping(pair)
        key = pair.get("key")
        if isinstance(key, str) and key in wanted:
            value = _plain(pair.get("value"))
            if isinstance(value, (str, int, float)):
                found[key] = value
    return found


def _plain(value: Any) -> Any:
    """What a typed value holds; of a list its first."""
    value = fields.mapping(value)
    for name in _VALUES:
        if name in value:
            return value[name]
    holder = fields.mapping(_of(value, "arrayValue", "array_value"))
    return next(map(_plain, fields.listing(holder.get("values"))[:1]), None)
