"""Jaeger's own JSON: an answer of `/api/traces`, the file that its page saves, one trace of it, or a list of spans.

Source: Jaeger's `model/json` ("the JSON model that the UI expects"): times in microseconds, tags as a list with types.
Answers of `/api/v3/traces` are OTLP.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from boifi_core.traces import fields
from boifi_core.traces.record import ATTRIBUTES, Record, named_kind

_ID_LENGTH = 16


def matches(document: Any) -> bool:
    """Whether it has Jaeger's `data`, is one of the traces in it, or a list of its spans."""
    if isinstance(document, dict):
        return isinstance(document.get("data"), list) or _is_trace(document)
    return isinstance(document, list) and any(isinstance(entry, dict) and "spanID" in entry for entry in document[:10])


def records(document: Any) -> Iterator[Record]:
    """Every span of every trace in the document."""
    if isinstance(document, list):
        traces: list[Any] = [{"spans": document}]
    else:
        traces = fields.listing(document.get("data")) or [document]
    for trace in map(fields.mapping, traces):
        processes = fields.mapping(trace.get("processes"))
        for span in fields.listing(trace.get("spans")):
            if isinstance(span, dict):
                yield _record(span, processes)


def _is_trace(document: dict[str, Any]) -> bool:
    return isinstance(document.get("spans"), list) and isinstance(document.get("processes"), dict)


def _record(span: dict[str, Any], processes: dict[str, Any]) -> Record:
    process = fields.mapping(span.get("process"))
    process_id = span.get("processID")
    if isinstance(process_id, str):
        process = fields.mapping(processes.get(process_id)) or process
    tags = _tags(span)
    start_us, duration_us = fields.whole(span.get("startTime")), fields.whole(span.get("duration"))
    return Record(
        trace_id=_id(span.get("traceID")),
        id=_id(span.get("spanID")),
        parent_id=_parent(span),
        service=fields.text(process.get("serviceName")),
        operation=fields.text(span.get("operationName")) or "",
        kind=named_kind(tags.get("span.kind")),
        start_ns=None if start_us is None else start_us * 1000,
        duration_ns=None if duration_us is None else duration_us * 1000,
        attributes=tags,
    )


def _parent(span: dict[str, Any]) -> str | None:
    """The span that it is a child of, else the one that it follows from; older answers have `parentSpanID`."""
    references = [each for each in fields.listing(span.get("references")) if isinstance(each, dict)]
    within = [each for each in references if each.get("traceID", span.get("traceID")) == span.get("traceID")]
    within.sort(key=lambda each: each.get("refType") != "CHILD_OF")
    return _id(within[0].get("spanID")) if within else _id(span.get("parentSpanID"))


def _id(value: Any) -> str | None:
    """Jaeger leaves leading zeros out at some places and not at others."""
    found = fields.text(value)
    return found.lower().zfill(_ID_LENGTH) if found is not None and found.strip("0") else None


def _tags(span: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for tag in fields.listing(span.get("tags")):
        tag = fields.mapping(tag)
        key, value = tag.get("key"), tag.get("value")
        if isinstance(key, str) and key in ATTRIBUTES and isinstance(value, (str, int, float)):
            found[key] = value
    return found
