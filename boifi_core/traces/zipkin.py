"""Zipkin v2: a list of spans, as `/api/v2/trace` answers, or a list of such lists, as `/api/v2/traces` does.

Source: Zipkin API 2 (`zipkin2-api.yaml`): times in microseconds; client and server may share a span's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from boifi_core.traces import fields
from boifi_core.traces.record import ATTRIBUTES, Record, named_kind


def matches(document: Any) -> bool:
    """Whether one of its first entries is a span with the ids that every Zipkin span has, or a list of such spans."""
    if not isinstance(document, list):
        return False
    first = [span for entry in document[:10] for span in (entry[:10] if isinstance(entry, list) else (entry,))]
    return any(map(_is_span, first))


def records(document: Any) -> Iterator[Record]:
    """Every span of every trace in the document."""
    for entry in document:
        for span in entry if isinstance(entry, list) else (entry,):
            if isinstance(span, dict):
                yield _record(span)


def _is_span(entry: Any) -> bool:
    return isinstance(entry, dict) and "traceId" in entry and "id" in entry


def _record(span: dict[str, Any]) -> Record:
    tags: dict[str, Any] = {
        key: value
        for key, value in fields.mapping(span.get("tags")).items()
        if key in ATTRIBUTES and isinstance(value, (str, int, float))
    }
    kind = named_kind(span.get("kind"))
    remote = fields.mapping(span.get("remoteEndpoint"))
    if kind not in ("server", "consumer"):  # theirs is the one who asked
        told = {
            "peer.service": remote.get("serviceName"),
            "network.peer.address": remote.get("ipv4") or remote.get("ipv6"),
            "network.peer.port": remote.get("port"),
        }
        tags = {key: value for key, value in told.items() if fields.text(value)} | tags
    start_us, duration_us = fields.whole(span.get("timestamp")), fields.whole(span.get("duration"))
    return Record(
        trace_id=_id(span.get("traceId")),
        id=_id(span.get("id")),
        parent_id=_id(span.get("parentId")),
        service=fields.text(fields.mapping(span.get("localEndpoint")).get("serviceName")),
        operation=fields.text(span.get("name")) or "",
        kind=kind,
        start_ns=None if start_us is None else start_us * 1000,
        duration_ns=None if duration_us is None else duration_us * 1000,
        # A tag `error` says that it failed, whatever its value tells about how.
        failed="error" in tags and str(tags["error"]).lower() != "false",
        attributes=tags,
    )


def _id(value: Any) -> str | None:
    found = fields.text(value)
    return found.lower() if found is not None and found.strip("0") else None
