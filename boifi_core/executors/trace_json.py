"""A trace as the text that observations carry: `{"spans": [...]}`, the same from run to run except for times."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from boifi_core.executors.spans import ReceivedSpan

_ID_SEGMENT = re.compile(
    r"(?<=/)(?:\d+|[A-Za-z]+[-_]\d+|(?=[^/\s]*\d)[0-9A-Fa-f-]{8,}|(?=[^/\s]*\d)[\w-]{20,})(?=[/\s]|$)"
)
_KINDS = {
    OtlpSpan.SPAN_KIND_INTERNAL: "internal",
    OtlpSpan.SPAN_KIND_SERVER: "server",
    OtlpSpan.SPAN_KIND_CLIENT: "client",
    OtlpSpan.SPAN_KIND_PRODUCER: "producer",
    OtlpSpan.SPAN_KIND_CONSUMER: "consumer",
}


def trace_json(received: Iterable[ReceivedSpan]) -> str:
    """The spans of one trace as JSON.

    A span has `id` and `parent_id` (numbers in the order of the list, as text; None at a root), `name`
    (`service:operation`, without ids and queries), `service`, `kind`, `start_ms` (after the trace's first),
    `duration_ms` and `status` (`success` or `error`), and where known `status_code` and Envoy's response `flags`.
    Parents stand before their children, children in order of their start; those that ran at the same time stand by
    name, since which of them began first is chance.
    """
    spans = _in_order({each.span.span_id: each for each in reversed(list(received))}.values())
    first_ns = min((each.span.start_time_unix_nano for each in spans), default=0)
    numbers = {each.span.span_id: f"{number:04}" for number, each in enumerate(spans, start=1)}
    return json.dumps({"spans": [_as_dict(each, first_ns, numbers) for each in spans]}, separators=(",", ":"))


def span_name(service: str, span: OtlpSpan, attributes: dict[str, Any]) -> str:
    """`service:operation`; Envoy calls all its spans `ingress`, so its operation is method, peer and path."""
    operation = span.name
    if operation in ("ingress", "egress"):
        peer = attributes.get("upstream_cluster", attributes.get("upstream_cluster.name", ""))
        path = urlsplit(str(attributes.get("http.url", ""))).path
        operation = f"{attributes.get('http.method', '')} {'' if peer == '-' else peer}{path}".strip() or operation
    return f"{service}:{_ID_SEGMENT.sub('{id}', operation.partition('?')[0])}"


def _as_dict(received: ReceivedSpan, first_ns: int, numbers: dict[bytes, str]) -> dict[str, Any]:
    span = received.span
    attributes = {pair.key: _plain(pair.value) for pair in span.attributes}
    status_code = _status_code(attributes)
    failed = (
        span.status.code == Status.STATUS_CODE_ERROR
        or (status_code is not None and status_code >= 500)
        or str(attributes.get("error", "")).lower() == "true"
    )
    entry = {
        "id": numbers[span.span_id],
        "parent_id": numbers.get(span.parent_span_id),
        "name": span_name(received.service, span, attributes),
        "service": received.service,
        "kind": _KINDS.get(span.kind, "unspecified"),
        "start_ms": round((span.start_time_unix_nano - first_ns) / 1e6, 3),
        "duration_ms": round(max(0, span.end_time_unix_nano - span.start_time_unix_nano) / 1e6, 3),
        "status": "error" if failed else "success",
    }
    if status_code is not None:
        entry["status_code"] = status_code
    if attributes.get("response_flags", "-") != "-":
        entry["flags"] = attributes["response_flags"]
    return entry


def _in_order(spans: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
    spans = sorted(spans, key=lambda each: (each.span.start_time_unix_nano, _name_of(each)))
    known = {each.span.span_id for each in spans}
    children: dict[bytes, list[ReceivedSpan]] = defaultdict(list)
    for each in spans:
        children[each.span.parent_span_id if each.span.parent_span_id in known else b""].append(each)
    ordered: dict[bytes, ReceivedSpan] = {}
    # After the roots every span once more: those in a circle of parents hang from no root.
    waiting = [*reversed(spans), *reversed(_siblings(children[b""]))]
    while waiting:
        each = waiting.pop()
        if each.span.span_id not in ordered:
            ordered[each.span.span_id] = each
            waiting += reversed(_siblings(children[each.span.span_id]))
    return list(ordered.values())


def _siblings(spans: Sequence[ReceivedSpan]) -> list[ReceivedSpan]:
    """By start, but each group whose times overlap by name."""
    groups: list[list[ReceivedSpan]] = []
    end = -1
    for each in spans:
        if not groups or each.span.start_time_unix_nano >= end:
            groups.append([])
        groups[-1].append(each)
        end = max(end, each.span.end_time_unix_nano)
    return [each for group in groups for each in sorted(group, key=_name_of)]


def _name_of(received: ReceivedSpan) -> str:
    return span_name(
        received.service, received.span, {pair.key: _plain(pair.value) for pair in received.span.attributes}
    )


def _plain(value: Any) -> str | int | float | bool:
    which = value.WhichOneof("value")
    if which in ("string_value", "int_value", "double_value", "bool_value"):
        plain: str | int | float | bool = getattr(value, which)
        return plain
    return ""


def _status_code(attributes: dict[str, Any]) -> int | None:
    for name in ("http.status_code", "http.response.status_code"):
        try:
            return int(attributes[name])
        except (KeyError, ValueError):
            continue
    return None
