"""A trace as the calls between its services: who asks whom for what, how often it tries, and how that ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from boifi_core.analyzer.trace import MAX_SEQUENCE, parents
from boifi_core.traces import Span
from boifi_core.traces.names import without_ids

CLIENT = "client"
"""Stands for whoever sent the request."""

_CUT = frozenset({0, 408, 499})
_GIVEN_UP = _CUT | {504}
"""The status of a call whose caller did not wait for the answer: none at all, or one that says so."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as its trace tells it.

    Attributes:
        caller: the service that asked; `CLIENT` for the first call of a trace, empty for others that nobody made.
        callee: the service that answered; None where nobody did.
        operation: what was asked, without ids.
        tries: how many attempts are in it, at least 1.
        failed: it ended in an error or with a status of 400 or above.
        given_up: it failed for want of an answer in time; a 504 may be passed on from a call below.
        cut: it was given up by its caller itself, and so is whatever was under way below it.
        duration_ms: None where unknown.
        under: the index of the call within which it was made; None for a root.
    """

    caller: str
    callee: str | None
    operation: str
    tries: int
    failed: bool
    given_up: bool
    cut: bool
    duration_ms: float | None
    under: int | None

    @property
    def where(self) -> str:
        """What makes two calls the same."""
        return f"{self.caller} → {self.operation}" if self.caller else self.operation


def relays(traces: Iterable[Sequence[Span]]) -> frozenset[str]:
    """The services that only pass calls on, such as a mesh's proxies: they are no callers of their own.

    A relay stands before at least two services and behind at least two callers, and makes at most one call for each
    that it gets; so seen in traces without a fault.
    """
    before: dict[str, set[str]] = defaultdict(set)
    behind: dict[str, set[str]] = defaultdict(set)
    busy: set[str] = set()
    for spans in traces:
        children: dict[int, int] = defaultdict(int)
        for index, parent in enumerate(parents(list(spans[:MAX_SEQUENCE]))):
            service = spans[index].service
            above = None if parent is None else spans[parent].service
            if service is None:
                continue
            behind[service].add(above or CLIENT)
            if parent is None or above is None:
                continue
            before[above].add(service)
            children[parent] += 1
            if children[parent] > 1 or service == above:
                busy.add(above)
    return frozenset(name for name in before if len(before[name]) > 1 and len(behind[name]) > 1) - busy


def calls(spans: Sequence[Span], passing_on: frozenset[str] = frozenset()) -> list[Call]:
    """The calls of a trace, each before those made within it.

    A call that several spans tell of (its sender's, a relay's, its receiver's) is one. A span within its service is
    told as a call of the service to itself.

    Args:
        passing_on: the relays, from `relays`.
    """
    spans = list(spans[:MAX_SEQUENCE])
    parent_of = parents(spans)
    children: dict[int | None, list[int]] = defaultdict(list)
    for index, parent in enumerate(parent_of):
        children[parent].append(index)
    found: list[Call] = []
    seen: set[int] = set()
    # After the roots every span once more: those in a circle of parents hang from no root.
    waiting: list[tuple[int, int | None, str]] = [(index, None, "") for index in reversed(range(len(spans)))]
    waiting += [(index, None, "") for index in reversed(children[None])]
    while waiting:
        index, under, caller = waiting.pop()
        if index in seen:
            continue
        caller = caller or ("" if found else CLIENT)
        told = _told_by(index, spans, children, passing_on, seen)
        found.append(_call(told, caller, under, passing_on))
        here = len(found) - 1
        for span_index, span in told:
            inside = caller if _is_edge(span, passing_on) else span.service or caller
            waiting += [(child, here, inside) for child in reversed(children[span_index]) if child not in seen]
    return found


def _told_by(
    first: int,
    spans: Sequence[Span],
    children: dict[int | None, list[int]],
    passing_on: frozenset[str],
    seen: set[int],
) -> list[tuple[int, Span]]:
    """The spans of one call: the first, and, where that is a sender's or a relay's, those that received it."""
    told, waiting = [], [first]
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        told.append((index, spans[index]))
        if _is_edge(spans[index], passing_on):
            waiting += reversed(children[index])
    return told


def _is_edge(span: Span, passing_on: frozenset[str]) -> bool:
    return span.kind == "client" or span.service in passing_on


def _call(told: Sequence[tuple[int, Span]], caller: str, under: int | None, passing_on: frozenset[str]) -> Call:
    first = told[0][1]
    received = [span for _, span in told if not _is_edge(span, passing_on)]
    codes = [span.status_code for _, span in told if span.status_code is not None]
    failed = first.is_error or (first.status_code or 0) >= 400
    name = first.name.removeprefix(f"{first.service}:") if first.service else first.name
    return Call(
        caller=caller,
        callee=next((span.service for span in received if span.service), None),
        operation=without_ids(name if _is_edge(first, passing_on) else first.operation),
        tries=max(1, len(received)),
        failed=failed,
        given_up=failed and bool(codes) and codes[0] in _GIVEN_UP,
        cut=failed and bool(codes) and codes[0] in _CUT,
        duration_ms=first.duration_ms,
        under=under,
    )
