"""The plan's own span list: `{"spans": [{"id", "name", "duration_ms", "status": "success|error", …}]}`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from boifi_core.traces import fields, jaeger
from boifi_core.traces.names import without_ids
from boifi_core.traces.span import MAX_SPANS, Span


def matches(document: Any) -> bool:
    """Whether it is an object with a list `spans`, and not Jaeger's, whose traces have one too."""
    if not isinstance(document, dict) or not isinstance(document.get("spans"), list):
        return False
    return "processes" not in document and not any(map(jaeger.is_span, document["spans"][:10]))


def as_text(document: Any) -> str:
    """The span list as JSON text."""
    # One span at a time: the encoder keeps a piece for every value of what it is given.
    return f'{{"spans": [{", ".join(map(json.dumps, document["spans"]))}]}}'


def spans(documents: Sequence[Any]) -> list[Span]:
    """The spans as given and in the given order; one that says the same as an earlier one, id included, counts once.

    Raises:
        ValueError: more than `MAX_SPANS`.
    """
    n_spans = sum(len(document["spans"]) for document in documents)
    if n_spans > MAX_SPANS:
        raise ValueError(f"must have at most {MAX_SPANS} spans, got {n_spans}")
    found = [_span(entry) for document in documents for entry in document["spans"] if isinstance(entry, dict)]
    if len({span.id for span in found}) == len(found):
        return found
    seen: set[Span] = set()
    kept = []
    for span in found:
        if span.id is None or span not in seen:
            kept.append(span)
            seen.add(span)
    return kept


def _span(entry: dict[str, Any]) -> Span:
    service = fields.text(entry.get("service"))
    span = Span(
        id=fields.text(entry.get("id")),
        name=_name(fields.text(entry.get("name")) or "", service),
        duration_ms=fields.number(entry.get("duration_ms")),
        is_error=(fields.text(entry.get("status")) or "").lower() == "error",
        parent_id=fields.text(entry.get("parent_id")),
        service=service,
        kind=fields.text(entry.get("kind")),
        status_code=fields.status_code(entry.get("status_code")),
        start_ms=fields.number(entry.get("start_ms")),
    )
    return span if _WHERE_KNOWN.isdisjoint(entry) else _with_more(span, entry)


_WHERE_KNOWN = frozenset(("flags", "peer", "asked", "error", "proxy"))


def _with_more(span: Span, entry: dict[str, Any]) -> Span:
    asked = fields.text(entry.get("asked"))
    return span._replace(
        flags=fields.text(entry.get("flags")),
        peer=fields.text(entry.get("peer")),
        asked=None if asked is None else without_ids(asked),
        error=fields.text(entry.get("error")),
        is_proxy=entry.get("proxy") is True,
    )


def _name(name: str, service: str | None) -> str:
    """Without the ids in it; the service that it may begin with is left as it is."""
    prefix = f"{service}:" if service and name.startswith(f"{service}:") else ""
    return prefix + without_ids(name.removeprefix(prefix))
