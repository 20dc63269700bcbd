"""A distributed trace as a list of spans, and its operations in an order that does not depend on timing."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 10_000_000
"""Longest trace that is read, characters."""

MAX_SEQUENCE = 4_000
"""Spans of a trace that are put in order; those after it only count."""


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of a trace. `duration_ms` is None where it was missing or no finite number >= 0.

    `kind` is OpenTelemetry's, in lower case (`client`, `server`); `status_code` is that of HTTP; `start_ms` counts from
    the trace's first span.
    """

    id: str | None
    name: str
    duration_ms: float | None
    is_error: bool
    parent_id: str | None = None
    service: str | None = None
    kind: str | None = None
    status_code: int | None = None
    start_ms: float | None = None

    @property
    def operation(self) -> str:
        """What tells this operation from others: the service, where known and not said already, and the name."""
        if not self.service or self.name.startswith(f"{self.service}:"):
            return self.name
        return f"{self.service} {self.name}"


def parse_trace(text: str) -> list[Span]:
    """Read `{"spans": [{"id", "name", "duration_ms", "status": "success|error", …}]}`.

    `parent_id`, `service`, `kind`, `status_code` and `start_ms` are read where given. A field that cannot be used is
    left empty.

    Raises:
        ValueError: no JSON, no list of spans in it, or longer than `MAX_TEXT`; says which.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"trace must have at most {MAX_TEXT} characters, got {len(text)}")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"trace must be JSON: {error}") from None
    spans = data.get("spans") if isinstance(data, dict) else None
    if not isinstance(spans, list):
        raise ValueError('trace must be an object with a list "spans"')  # noqa: TRY004 (it is the text that is wrong)
    return [_span(entry) for entry in spans if isinstance(entry, dict)]


def _span(entry: dict[str, Any]) -> Span:
    status = _text(entry.get("status"))
    return Span(
        id=_text(entry.get("id")),
        name=_text(entry.get("name")) or "",
        duration_ms=_duration(entry.get("duration_ms")),
        is_error=status is not None and status.lower() == "error",
        parent_id=_text(entry.get("parent_id")),
        service=_text(entry.get("service")),
        kind=_text(entry.get("kind")),
        status_code=_status_code(entry.get("status_code")),
        start_ms=_duration(entry.get("start_ms")),
    )


def _text(value: Any) -> str | None:
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 128 else None
    if not isinstance(value, str) or not value:
        return None
    # JSON escapes can spell half a surrogate pair, which no file or terminal takes.
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _status_code(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 999 else None


def _duration(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        duration = float(value)
    except OverflowError:
        return None
    return duration if math.isfinite(duration) and duration >= 0 else None


def operations(spans: list[Span]) -> list[str]:
    """The operations depth first, siblings sorted by name and then by what lies below them.

    The order of concurrent calls is left to chance in every run; sorted siblings make two healthy runs equal. Where no
    span has a parent in the trace, the given order stands.
    """
    spans = spans[:MAX_SEQUENCE]
    children, roots = _tree(spans)
    if len(roots) == len(spans):
        return [span.operation for span in spans]
    below: dict[int, list[str]] = {}
    seen: set[int] = set()
    trees = [_flatten(root, spans, children, below, seen) for root in roots]
    # Parents in a circle hang from no root: each circle is entered at its first span.
    trees += [_flatten(index, spans, children, below, seen) for index in range(len(spans)) if index not in seen]
    return [name for tree in sorted(trees) for name in tree]


def parents(spans: list[Span]) -> list[int | None]:
    """For each span the index of its parent, None where that is not in the trace or the span itself."""
    by_id: dict[str, int] = {}
    for index, span in enumerate(spans):
        if span.id is not None:
            by_id.setdefault(span.id, index)
    found = [by_id.get(span.parent_id) if span.parent_id is not None else None for span in spans]
    return [None if parent == index else parent for index, parent in enumerate(found)]


def _tree(spans: list[Span]) -> tuple[list[list[int]], list[int]]:
    children: list[list[int]] = [[] for _ in spans]
    roots = []
    for index, parent in enumerate(parents(spans)):
        if parent is None:
            roots.append(index)
        else:
            children[parent].append(index)
    return children, roots


def _flatten(
    root: int, spans: list[Span], children: list[list[int]], below: dict[int, list[str]], seen: set[int]
) -> list[str]:
    """The operations of one tree in order; an own stack, since a trace may be deeper than Python's."""
    stack = [(root, False)]
    while stack:
        index, done = stack.pop()
        if done:
            subtrees = sorted(below.pop(child) for child in children[index] if child in below)
            below[index] = [spans[index].operation, *(name for tree in subtrees for name in tree)]
        elif index not in seen:
            seen.add(index)
            stack.append((index, True))
            stack.extend((child, False) for child in children[index])
    return below.pop(root)
