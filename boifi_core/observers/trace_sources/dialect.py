"""What tells one tracing backend's HTTP API from another's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from boifi_core.traces.record import Record

MAX_FOUND = 200
"""Most traces that are asked for by time."""


@dataclass(frozen=True)
class Found:
    """A trace that a search by time brought.

    Attributes:
        trace_id: in hex.
        start_ns: when its first span began, since the epoch.
        duration_ms: from then to the end of that span; None where unknown.
        operation: what its first span is called.
    """

    trace_id: str
    start_ns: int
    duration_ms: float | None
    operation: str


@dataclass(frozen=True)
class Dialect:
    """One backend's API.

    Attributes:
        paths: where a trace is, by its id in hex; further ones are of the API's other versions and tried in turn.
        records: the spans in what is answered there.
        search: where traces are looked for: service, from and to in nanoseconds since the epoch.
        found: the traces in what is answered there.
    """

    paths: Callable[[str], tuple[str, ...]]
    records: Callable[[Any], Iterable[Record]]
    search: Callable[[str, int, int], str]
    found: Callable[[Any], list[Found]]


def found_in(traces: Iterable[Iterable[Record]]) -> list[Found]:
    """The traces of an answer that has their spans."""
    found = []
    for records in traces:
        timed = [record for record in records if record.start_ns is not None and record.trace_id is not None]
        # What began first is the root, but for clocks that are behind: a root without a parent comes before it.
        first = min(timed, key=lambda record: (record.parent_id is not None, record.start_ns), default=None)
        if first is not None:
            duration_ms = None if first.duration_ns is None else first.duration_ns / 1e6
            found.append(Found(first.trace_id or "", first.start_ns or 0, duration_ms, first.name))
    return found
