"""Who called whom in a trace."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.traces.span import Span

MAX_SEQUENCE = 4_000
"""Spans of a trace that are put in order and told as calls; those after it only count."""


def parents(spans: Sequence[Span]) -> list[int | None]:
    """For each span the index of its parent, None where that is not in the trace or the span itself."""
    by_id: dict[str, int] = {}
    for index, span in enumerate(spans):
        if span.id is not None:
            by_id.setdefault(span.id, index)
    found = [by_id.get(span.parent_id) if span.parent_id is not None else None for span in spans]
    return [None if parent == index else parent for index, parent in enumerate(found)]
