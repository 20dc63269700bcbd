"""What tells one tracing backend's HTTP API from another's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from boifi_core.traces import fields
from boifi_core.traces.record import Record
from boifi_core.wire.http import Answer

MAX_FOUND = 200
"""Most traces that are asked for by time, where the server allows as many."""

_SAID_IN = ("http.target", "url.path", "http.url", "url.full", "http.route")
"""Attributes that say what a request asked for, the plainest first."""


@dataclass(frozen=True)
class Found:
    """A trace that a search by time brought.

    Attributes:
        trace_id: in hex.
        start_ns: when its first span began, since the epoch.
        duration_ms: from then to the end of that span; None where unknown.
        names: what says which request its first span served, the plainest first; the last is what the span is called.
    """

    trace_id: str
    start_ns: int
    duration_ms: float | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class Api:
    """One version of a backend's API.

    Attributes:
        name: for people: `/api/v3`.
        is_here: whether a server has it, told by what it answers to the paths that are asked for; any status comes.
        path: where a trace is, by its id in hex.
        records: the spans in what is answered there.
        search: where traces are looked for: service, from and to in nanoseconds since the epoch, how many at most.
        found: the traces in what is answered there.
    """

    name: str
    is_here: Callable[[Callable[[str], Answer]], bool]
    path: Callable[[str], str]
    records: Callable[[Any], Iterable[Record]]
    search: Callable[[str, int, int, int], str]
    found: Callable[[Any], list[Found]]


@dataclass(frozen=True)
class Dialect:
    """A backend: what it is called, and the versions of its API, the one to be preferred first."""

    server: str
    apis: tuple[Api, ...]


def json_at(get: Callable[[str], Answer], path: str) -> Any:
    """The JSON value that is answered with 200 at a path, else None."""
    answer = get(path)
    return answer.value() if answer.status == 200 else None


def found_in(traces: Iterable[Iterable[Record]]) -> list[Found]:
    """The traces of an answer that has their spans."""
    found = []
    for records in traces:
        timed = [record for record in records if record.start_ns is not None and record.trace_id is not None]
        # What began first is the root, but for clocks that are behind: a root without a parent comes before it.
        first = min(timed, key=lambda record: (record.parent_id is not None, record.start_ns), default=None)
        if first is not None:
            duration_ms = None if first.duration_ns is None else first.duration_ns / 1e6
            said = (fields.text(first.attributes.get(name)) for name in _SAID_IN)
            names = (*(text for text in said if text), first.operation)
            found.append(Found(first.trace_id or "", first.start_ns or 0, duration_ms, names))
    return found
