"""From the records of a trace to its spans: each once, under its parent, in an order and with ids that runs share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from boifi_core.traces.record import Record
from boifi_core.traces.span import MAX_SPANS, Span


@dataclass(slots=True)
class _Node:
    """A record in its place; `parent` None where there is none in the trace, `shift_ns` what its clock was behind."""

    record: Record
    name: str
    parent: _Node | None = None
    shift_ns: int = 0

    @property
    def start_ns(self) -> int:
        return (self.record.start_ns or 0) + self.shift_ns

    @property
    def end_ns(self) -> int:
        return self.start_ns + (self.record.duration_ns or 0)


def tidy(records: Iterable[Record]) -> list[Span]:
    """The spans of the records, however these arrived.

    Exported twice counts once. A client's and a server's span that share an id, as Zipkin's may, are two, the second
    below the first. Ids become numbers in the order of the list, as text. Parents stand before their children,
    children in order of their start; those that ran at the same time stand by name, since which of them began first is
    chance. Several traces are one list with several roots.

    A span of another service than its parent's that seems to begin before it has a clock that is behind: it and what
    its service did below it are moved to the parent's start. That is the least that can be; durations stay.

    Raises:
        ValueError: more than `MAX_SPANS`.
    """
    nodes = [_Node(record, record.name) for record in islice(records, MAX_SPANS + 1)]
    if len(nodes) > MAX_SPANS:
        raise ValueError(f"must have at most {MAX_SPANS} spans")
    nodes.sort(key=lambda node: (node.start_ns, node.name))
    nodes = _once_each(nodes)
    _join(nodes)
    ordered = _in_order(nodes)
    first_ns = min((node.start_ns for node in ordered if node.record.start_ns is not None), default=0)
    numbers = {id(node): f"{number:04}" for number, node in enumerate(ordered, start=1)}
    return [_span(node, first_ns, numbers) for node in ordered]


def _once_each(nodes: Sequence[_Node]) -> list[_Node]:
    """Without those that tell of a span which was told of; of these the one stays that knows how long it took."""
    kept: dict[tuple[str | None, ...], _Node] = {}
    for number, node in enumerate(nodes):
        record = node.record
        key: tuple[str | None, ...] = (record.trace_id, record.id, record.kind, record.service, node.name)
        if record.id is None:
            key = (f"without id {number}",)
        known = kept.get(key)
        if known is None:
            kept[key] = node
        elif known.record.duration_ns is None and record.duration_ns is not None:
            known.record = record
    return list(kept.values())


def _join(nodes: Sequence[_Node]) -> None:
    """Give every node its parent."""
    sharing: dict[tuple[str | None, str], list[_Node]] = defaultdict(list)
    for node in nodes:
        if node.record.id is not None:
            sharing[node.record.trace_id, node.record.id].append(node)
    for node in nodes:
        record = node.record
        if record.kind == "server" and record.id is not None:
            client = _of_kind("client", sharing[record.trace_id, record.id])
            if client is not None:
                node.parent = client
                continue
        if record.parent_id is not None:
            node.parent = _caller(node, sharing.get((record.trace_id, record.parent_id), []))


def _caller(node: _Node, candidates: Sequence[_Node]) -> _Node | None:
    """Of those with the id that is the parent's: its own service's, else the one that received the call, else any."""
    others = [each for each in candidates if each is not node]
    own = next((each for each in others if each.record.service == node.record.service), None)
    return own or _of_kind("server", others) or next(iter(others), None)


def _of_kind(kind: str, nodes: Iterable[_Node]) -> _Node | None:
    return next((node for node in nodes if node.record.kind == kind), None)


def _in_order(nodes: Sequence[_Node]) -> list[_Node]:
    children: dict[int, list[_Node]] = defaultdict(list)
    for node in nodes:
        if node.parent is not None:
            children[id(node.parent)].append(node)
    ordered: dict[int, _Node] = {}
    # After the roots every span once more: those in a circle of parents hang from no root.
    waiting = [*reversed(nodes), *reversed(_siblings([node for node in nodes if node.parent is None]))]
    while waiting:
        node = waiting.pop()
        if id(node) in ordered:
            continue
        ordered[id(node)] = node
        below = [child for child in children[id(node)] if id(child) not in ordered]
        for child in below:
            child.shift_ns = _shift(child, node)
        waiting += reversed(_siblings(sorted(below, key=lambda child: (child.start_ns, child.name))))
    return list(ordered.values())


def _shift(child: _Node, parent: _Node) -> int:
    """What to add to the child's clock, nanoseconds."""
    if child.record.service == parent.record.service:
        return parent.shift_ns
    if child.record.start_ns is None or parent.record.start_ns is None:
        return 0
    return max(0, parent.start_ns - child.record.start_ns)


def _siblings(nodes: Sequence[_Node]) -> list[_Node]:
    """By start, but each group whose times overlap by name."""
    groups: list[list[_Node]] = []
    end_ns = -1
    for node in nodes:
        if not groups or node.start_ns >= end_ns:
            groups.append([])
        groups[-1].append(node)
        end_ns = max(end_ns, node.end_ns)
    return [node for group in groups for node in sorted(group, key=lambda node: node.name)]


def _span(node: _Node, first_ns: int, numbers: dict[int, str]) -> Span:
    record = node.record
    return Span(
        id=numbers[id(node)],
        name=node.name,
        duration_ms=None if record.duration_ns is None else round(record.duration_ns / 1e6, 3),
        is_error=record.is_error,
        parent_id=None if node.parent is None else numbers[id(node.parent)],
        service=record.service,
        kind=record.kind,
        status_code=record.status_code,
        start_ms=None if record.start_ns is None else round((node.start_ns - first_ns) / 1e6, 3),
        flags=record.flags,
    )
