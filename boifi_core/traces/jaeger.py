"""Jaeger's own JSON: an answer of `/api/traces`, the file that its page saves, one trace of it, or a list of spans;
what its gRPC tools print (protobuf's JSON of `model.proto`); and its documents in Elasticsearch.

Sources: Jaeger's `model/json` ("the JSON model that the UI expects"): times in microseconds, tags as a list with types.
Jaeger's `model.proto`, and "JSON Mapping" of Protocol Buffers: ids in base64, RFC 3339 times, seconds with an `s`.
Answers of `/api/v3/traces` are OTLP.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from boifi_core.traces import fields, outcome
from boifi_core.traces.record import ATTRIBUTES, Link, Record, named_kind

_ID_LENGTH = 16
_BASE64_LENGTHS = (12, 24)  # of 8 and of 16 bytes
_HEX = re.compile(r"[0-9A-Fa-f]+")
_SECONDS = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?s")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_VALUES = ("value", "vStr", "vBool", "vInt64", "vFloat64", "v_str", "v_bool", "v_int64", "v_float64")


def matches(document: Any) -> bool:
    """Whether it has Jaeger's `data`, is one of the traces in it, a list of its spans, or Elasticsearch's answer."""
    if isinstance(document, dict):
        return isinstance(document.get("data"), list) or _is_trace(document) or _hits(document) is not None
    return isinstance(document, list) and any(map(is_span, document[:10]))


def records(document: Any) -> Iterator[Record]:
    """Every span of every trace in the document."""
    if isinstance(document, list):
        traces: list[Any] = [{"spans": document}]
    elif (hits := _hits(document)) is not None:
        traces = [{"spans": hits}]
    else:
        traces = fields.listing(document.get("data")) or [document]
    for trace in map(fields.mapping, traces):
        processes = fields.mapping(trace.get("processes"))
        for span in fields.listing(trace.get("spans")):
            if isinstance(span, dict):
                yield _record(span, processes)


def is_span(entry: Any) -> bool:
    """Whether a JSON value is one of its spans."""
    if not isinstance(entry, dict):
        return False
    return "spanID" in entry or ("spanId" in entry and ("operationName" in entry or "process" in entry))


def _is_trace(document: dict[str, Any]) -> bool:
    spans = document.get("spans")
    if not isinstance(spans, list):
        return False
    return isinstance(document.get("processes"), dict) or any(map(is_span, spans[:10]))


def _hits(document: dict[str, Any]) -> list[Any] | None:
    """The documents that a search in Elasticsearch found."""
    hits = fields.mapping(document.get("hits")).get("hits")
    return None if not isinstance(hits, list) else [fields.mapping(hit).get("_source") for hit in hits]


def _record(span: dict[str, Any], processes: dict[str, Any]) -> Record:
    process = fields.mapping(span.get("process"))
    process_id = _of(span, "processID", "processId")
    if isinstance(process_id, str):
        process = fields.mapping(processes.get(process_id)) or process
    tags, logged = _tags(span), fields.listing(span.get("logs"))
    trace_id = _id(_of(span, "traceID", "traceId"))
    parent, links = _references(span, trace_id)
    return Record(
        trace_id=trace_id,
        id=_id(_of(span, "spanID", "spanId")),
        parent_id=parent,
        service=fields.text(process.get("serviceName")),
        operation=fields.text(span.get("operationName")) or "",
        kind=named_kind(tags.get("span.kind")),
        start_ns=_moment_ns(span.get("startTime")),
        duration_ns=_duration_ns(span.get("duration")),
        attributes=tags,
        links=links,
        why=outcome.told_by(_value(span.get("tags"), "otel.status_description"), map(_exception, logged)),
    )


def _exception(log: Any) -> tuple[str | None, str | None]:
    said = fields.mapping(log).get("fields")
    return _value(said, "exception.type"), _value(said, "exception.message")


def _value(pairs: Any, name: str) -> str | None:
    found = (pair for pair in map(fields.mapping, fields.listing(pairs)) if pair.get("key") == name)
    return next((fields.text(_of(pair, *_VALUES)) for pair in found), None)


def _references(span: dict[str, Any], trace_id: str | None) -> tuple[str | None, list[Link]]:
    """The span that it is a child of, else the one that it follows from, and those of other traces; older answers have
    `parentSpanID`.
    """
    references = [
        (
            each.get("refType", "CHILD_OF") != "CHILD_OF",
            _id(_of(each, "traceID", "traceId")),
            _id(_of(each, "spanID", "spanId")),
        )
        for each in fields.listing(span.get("references"))
        if isinstance(each, dict)
    ]
    within = sorted((each for each in references if each[1] in (None, trace_id)), key=lambda each: each[0])
    links: list[Link] = [(trace, id_) for _, trace, id_ in references if trace not in (None, trace_id)]
    return within[0][2] if within else _id(_of(span, "parentSpanID", "parentSpanId")), links


def _of(holder: dict[str, Any], *names: str) -> Any:
    return next((holder[name] for name in names if name in holder), None)


def _id(value: Any) -> str | None:
    """In hex; Jaeger leaves leading zeros out at some places and not at others."""
    found = fields.text(value)
    if found is not None and len(found) in _BASE64_LENGTHS and not _HEX.fullmatch(found):
        with contextlib.suppress(ValueError):
            found = base64.b64decode(found, validate=True).hex()
    return found.lower().lstrip("0").zfill(_ID_LENGTH) if found is not None and found.strip("0") else None


def _moment_ns(value: Any) -> int | None:
    """Nanoseconds since the epoch, from microseconds or RFC 3339."""
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        try:
            moment = datetime.fromisoformat(match[1] + ("+00:00" if match[3] == "Z" else match[3]))
        except ValueError:
            return None
        seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
        return fields.whole(seconds * 10**9 + _fraction_ns(match[2]))
    us = fields.whole(value)
    return None if us is None else us * 1000


def _duration_ns(value: Any) -> int | None:
    """Nanoseconds, from microseconds or seconds with an `s`."""
    match = _SECONDS.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        return int(match[1]) * 10**9 + _fraction_ns(match[2])
    us = fields.whole(value)
    return None if us is None else us * 1000


def _fraction_ns(digits: str | None) -> int:
    return int((digits or "0").ljust(9, "0"))


def _tags(span: dict[str, Any]) -> dict[str, Any]:
    # Elasticsearch may hold some of the tags as an object, with `@` for the dots of their names.
    pairs = [(str(key).replace("@", "."), value) for key, value in fields.mapping(span.get("tag")).items()]
    for tag in map(fields.mapping, fields.listing(span.get("tags"))):
        key = tag.get("key")
        if isinstance(key, str) and key in ATTRIBUTES:
            pairs.append((key, _of(tag, *_VALUES)))
    return {key: value for key, value in pairs if key in ATTRIBUTES and isinstance(value, (str, int, float))}
