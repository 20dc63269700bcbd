"""From the records of a trace to its spans: each once, under its parent, in an order and with ids that runs share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from boifi_core.traces.record import Record
from boifi_core.traces.span import MAX_SPANS, RECEIVERS, SENDERS, Span


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

    Exported twice counts once. A sender's and its receivers' spans that share an id, as Zipkin's may, are all kept, the
    receivers below the sender. A root that has a link to a span which is there, as a consumer in a trace of its own,
    hangs below that one. Ids become numbers in the order of the list, as text. Parents stand before their children,
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
    kept: list[_Node] = []
    known: dict[tuple[object, ...], _Node] = {}
    for node in nodes:
        record = node.record
        told = (record.trace_id, record.id, record.kind, record.service, node.name)
        same = None if record.id is None else _same(known, told, record)
        if same is None:
            kept.append(node)
            known.setdefault(told, node)
            known[*told, record.start_ns, record.duration_ns] = node
            known.setdefault((*told, record.start_ns), node)
        elif same.record.duration_ns is None and record.duration_ns is not None:
            known.pop((*told, same.record.start_ns, None), None)
            same.record = record if record.start_ns is not None else replace(record, start_ns=same.record.start_ns)
            known[*told, same.record.start_ns, record.duration_ns] = same
    return kept


def _same(known: Mapping[tuple[object, ...], _Node], told: tuple[object, ...], record: Record) -> _Node | None:
    """What was told before of the same span: at the same time, or before it ended, or without its times."""
    start_ns, duration_ns = record.start_ns, record.duration_ns
    first = known.get(told)
    if first is None or start_ns is None or first.record.start_ns is None:
        return first
    if duration_ns is None:
        return known.get((*told, start_ns))
    return known.get((*told, start_ns, duration_ns)) or known.get((*told, start_ns, None))


@dataclass(slots=True)
class _Sharers:
    """The spans with one id: one, or a sender's and its receivers', or any number from somebody hostile."""

    first: _Node
    second: _Node | None = None
    sender: _Node | None = None
    receiver: _Node | None = None
    of_service: dict[str | None, _Node] = field(default_factory=dict)

    def add(self, node: _Node) -> None:
        if node is not self.first:
            self.second = self.second or node
        if node.record.kind in SENDERS:
            self.sender = self.sender or node
        if node.record.kind in RECEIVERS:
            self.receiver = self.receiver or node
        self.of_service.setdefault(node.record.service, node)

    def caller_of(self, node: _Node) -> _Node | None:
        """Who of them called `node`: its own service's, else the one that received the call, else any but itself."""
        candidates = (self.of_service.get(node.record.service), self.receiver, self.first, self.second)
        return next((each for each in candidates if each is not None and each is not node), None)


def _join(nodes: Sequence[_Node]) -> None:
    """Give every node its parent."""
    sharing: dict[tuple[str | None, str], _Sharers] = {}
    for node in nodes:
        if node.record.id is not None:
            sharing.setdefault((node.record.trace_id, node.record.id), _Sharers(node)).add(node)
    for node in nodes:
        record = node.record
        same = sharing[record.trace_id, record.id] if record.id is not None else None
        if same is not None and same.sender is not None and record.kind in RECEIVERS:
            node.parent = same.sender
        elif record.parent_id is not None:
            callers = sharing.get((record.trace_id, record.parent_id))
            node.parent = None if callers is None else callers.caller_of(node)
        if node.parent is None:
            linked = (sharing.get((trace_id, id_)) for trace_id, id_ in record.links if id_ is not None)
            node.parent = next((of.first for of in linked if of is not None and of.first is not node), None)


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
        peer=record.peer,
        asked=record.asked,
        error=record.error,
        is_proxy=record.is_proxy,
    )
