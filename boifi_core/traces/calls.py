"""A trace as the calls between its services: who asks whom for what, how often it tries, and how that ends.

This is the one place that names a call, from all that the spans say that tell of it, whatever they are called. Who was
asked is the service whose own span received the call, else the peer that the sender names; what for is the receiver's
route or name, else what the sender says in its protocol's words. Where a fault leaves a call unanswered, it goes by the
name that the same words of the sender have without a fault (`Vocabulary.requests`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from boifi_core.traces.asked import is_telling
from boifi_core.traces.ending import ending, is_at_work
from boifi_core.traces.peers import host_and_port, is_address, is_service
from boifi_core.traces.span import RECEIVERS, SENDERS, Span
from boifi_core.traces.tree import MAX_SEQUENCE, parents
from boifi_core.traces.vocabulary import Heard, Vocabulary, Words

CLIENT = "client"
"""Stands for whoever sent the request."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as its trace tells it.

    Attributes:
        caller: the service that asked; `CLIENT` for the first call of a trace, empty for others that nobody made.
        callee: the service that answered, or that was asked; None where unknown.
        operation: what was asked, without ids.
        tries: how many attempts are in it, at least 1.
        failed: it ended in an error or with a status of 400 or above.
        given_up: it failed for want of an answer in time; a 504 may be passed on from a call below.
        cut: it was given up by its caller itself, and so is whatever was under way below it.
        duration_ms: None where unknown.
        under: the index of the call within which it was made; None for a root.
        answered: the one that was asked, or its own proxy, has a span of it.
        ended: False where its caller gave up on it while the one that was asked was still at work, so that what that
            one asked of others may have no span yet.
        status: HTTP's, or where it failed without one the word of its protocol (`UNAVAILABLE`); None where unknown.
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
    answered: bool = True
    ended: bool = True
    status: str | None = None

    @property
    def what(self) -> str:
        """Whom it asks for what."""
        return f"{self.callee} {self.operation}" if self.callee else self.operation

    @property
    def where(self) -> str:
        """What makes two calls the same."""
        return where(self.caller, self.callee, self.operation)


@dataclass(frozen=True, slots=True)
class _Told:
    """The spans that tell of one call, by their indices.

    Attributes:
        edges: its sender's and those of the proxies that passed it on, the outermost first.
        receivers: of the one that was asked, one for each attempt that came there.
        details: what its sender says of it beside that (`tcp.connect`).
        under, caller: as of `Call`.
    """

    under: int | None
    caller: str
    edges: list[int] = field(default_factory=list)
    receivers: list[int] = field(default_factory=list)
    details: list[int] = field(default_factory=list)

    @property
    def first(self) -> int:
        return (self.edges or self.receivers)[0]


def where(caller: str, callee: str | None, operation: str) -> str:
    """What two calls have in common that are the same."""
    what = f"{callee} {operation}" if callee else operation
    return f"{caller} → {what}" if caller else what


def calls(spans: Sequence[Span], vocabulary: Vocabulary | None = None) -> list[Call]:
    """The calls of a trace, each before those made within it.

    A call that several spans tell of (its sender's, a proxy's, its receiver's) is one. What a service does by itself
    (OpenTelemetry's kind `internal`) is none; a span without a kind is told as the service's call to itself. What
    consumes a message is a call of its own, within that of its producer.

    Args:
        vocabulary: what is known of the target's names from its traces without a fault.
    """
    return [call for call, _, _ in told_calls(spans, vocabulary or Vocabulary())]


def told_calls(spans: Sequence[Span], vocabulary: Vocabulary) -> list[tuple[Call, Words | None, Heard | None]]:
    """The calls of a trace, each with what its sender says of it, and what the one says that was asked."""
    found = [(call, words, heard) for call, words, heard, _ in _Trace(spans, vocabulary).walk()]
    return _by_elimination(found, vocabulary) if vocabulary.choices else found


def _by_elimination(
    found: list[tuple[Call, Words | None, Heard | None]], vocabulary: Vocabulary
) -> list[tuple[Call, Words | None, Heard | None]]:
    """The calls, those that nobody answered named after the one of their words that is missing, if it is one."""
    made: dict[Words, set[Heard]] = defaultdict(set)
    for _, words, heard in found:
        if words is not None and heard is not None:
            made[words].add(heard)
    named = []
    for call, words, heard in found:
        left = vocabulary.choices.get(words, frozenset()) - made[words] if words is not None and heard is None else ()
        if len(left) == 1 and words not in vocabulary.requests:
            callee, operation = next(iter(left))
            call = replace(call, callee=callee, operation=operation)
        named.append((call, words, heard))
    return named


def named(words: Words | None, heard: Heard | None, behind: str | None, vocabulary: Vocabulary) -> Heard:
    """Whom a call asks, None where unknown, and what for: as ever where the sender asks as ever.

    Args:
        words: what its sender says of it; None where there is none.
        heard: what the one says that was asked; None where nobody does.
        behind: who goes on from there, where neither says who was asked.
    """
    if words is None:
        return heard or (None, "?")
    known = vocabulary.requests.get(words) or vocabulary.requests.get(("", *words[1:]))
    if known is not None and (heard is None or heard[0] == known[0]):
        return known
    return heard or (vocabulary.service_at(words[1]) or behind, words[2])


def renamed(spans: Sequence[Span], vocabulary: Vocabulary) -> list[Span]:
    """The spans by names that are the same in every run: without ids; and where nothing but the receiver's span tells
    what a sender's (`GET`) asks, with that.
    """
    named = [span._replace(name=name) if (name := _folded(span, vocabulary)) != span.name else span for span in spans]
    if any(_is_mute(span) for span in named):
        for call, _, heard, told in _Trace(named, vocabulary).walk():
            for index in told.edges if heard is not None else ():
                if _is_mute(named[index]):
                    named[index] = named[index]._replace(name=f"{named[index].name} {call.what}")
    return named


def _folded(span: Span, vocabulary: Vocabulary) -> str:
    own = own_name(span)
    return span.name.removesuffix(own) + vocabulary.folds(own)


def _is_mute(span: Span) -> bool:
    return span.kind in SENDERS and span.peer is None and span.asked is None and not is_telling(own_name(span))


def is_edge(span: Span, vocabulary: Vocabulary) -> bool:
    """Whether the span tells of a call to somebody else, or of one that is passed on."""
    return (
        span.kind in SENDERS or _is_proxys(span, vocabulary) or (span.peer is not None and span.kind not in RECEIVERS)
    )


def _is_proxys(span: Span, vocabulary: Vocabulary) -> bool:
    return span.is_proxy or span.service in vocabulary.relays


def own_name(span: Span) -> str:
    """A span's name without its service."""
    return span.name.removeprefix(f"{span.service}:") if span.service else span.name


def _without_peer(span: Span) -> str:
    """A span's own name, without the peer that it may have been given for want of another."""
    name, peer = own_name(span), span.peer or ""
    return name.removesuffix(peer).rstrip("/ ") or host_and_port(peer)[0]


class _Trace:
    def __init__(self, spans: Sequence[Span], vocabulary: Vocabulary) -> None:
        self.spans = list(spans[:MAX_SEQUENCE])
        self.words = vocabulary
        self.children: dict[int | None, list[int]] = defaultdict(list)
        self.seen: set[int] = set()
        for index, parent in enumerate(parents(self.spans)):
            self.children[parent].append(index)

    def walk(self) -> Iterator[tuple[Call, Words | None, Heard | None, _Told]]:
        """Every call with what its sender and its receiver say of it, and the spans that tell of it."""
        n_calls = 0
        # After the roots every span once more: those in a circle of parents hang from no root.
        waiting: list[tuple[int, int | None, str]] = [(index, None, "") for index in reversed(range(len(self.spans)))]
        waiting += [(index, None, "") for index in reversed(self.children[None])]
        while waiting:
            index, under, caller = waiting.pop()
            if index in self.seen:
                continue
            if under is not None and self._is_within(index, caller):
                self.seen.add(index)
                waiting += [(child, under, caller) for child in reversed(self.children[index])]
                continue
            told = _Told(under, self.sender(index, caller) or caller or ("" if n_calls else CLIENT))
            self.tell(index, told)
            words, heard = self.sent(told), self.heard(told)
            call = self.call(told, words, heard)
            yield call, words, heard, told
            for span_index in (*told.edges, *told.details, *told.receivers):
                inside = self.inside(span_index, call)
                waiting += [(child, n_calls, inside) for child in reversed(self.children[span_index])]
            n_calls += 1

    def _is_within(self, index: int, caller: str) -> bool:
        span = self.spans[index]
        return span.kind == "internal" and span.service in (None, caller) and not is_edge(span, self.words)

    def sender(self, index: int, caller: str) -> str | None:
        """Who asked, where the span is a sender's own; a proxy's says so only where nothing lies above it."""
        span = self.spans[index]
        if not _is_proxys(span, self.words):
            return span.service if is_edge(span, self.words) else None
        is_nobodys = caller or span.kind not in SENDERS or span.service in self.words.shared | self.words.relays
        return None if is_nobodys or "gateway" in (span.service or "") else span.service

    def tell(self, first: int, told: _Told) -> None:
        """Sort the spans that tell of the call that begins with `first`."""
        waiting = [first]
        while waiting:
            index = waiting.pop()
            if index in self.seen:
                continue
            self.seen.add(index)
            span = self.spans[index]
            if told.edges and self._is_detail(span, told):
                told.details.append(index)
            elif is_edge(span, self.words):
                told.edges.append(index)
            else:
                told.receivers.append(index)
                continue
            waiting += [child for child in reversed(self.children[index]) if self._tells_too(index, child)]

    def _is_detail(self, span: Span, told: _Told) -> bool:
        """Whether the sender says it, and not the one that was asked."""
        is_own = span.service == self.spans[told.edges[0]].service and not _is_proxys(span, self.words)
        return is_own and span.kind not in RECEIVERS and span.kind not in SENDERS

    def _tells_too(self, above: int, below: int) -> bool:
        """Whether a span tells of the same call as the edge that it lies below."""
        span, child = self.spans[above], self.spans[below]
        if span.kind == "producer":
            return False
        if not is_edge(child, self.words) or (child.service == span.service and child.kind == "internal"):
            return True
        if not _is_proxys(span, self.words):
            # A proxy of the sender's, or a sender that says it twice, as a library and the one that it uses.
            return _is_proxys(child, self.words) or (child.kind != "producer" and child.service == span.service)
        # Two proxies tell of one call: the caller's and the callee's, or one and its upstream's. What a proxy's callee
        # asks of others is a call of its own.
        is_same = child.peer is None or (span.peer is not None and is_service(child.peer, span.peer))
        is_next = (span.kind, child.kind) == ("client", "server") or is_same
        return is_next and _is_proxys(child, self.words)

    def inside(self, index: int, call: Call) -> str:
        """Who makes the calls below a span."""
        span = self.spans[index]
        if span.kind == "producer" or not is_edge(span, self.words):
            return span.service or call.caller
        if _is_proxys(span, self.words):
            return call.callee or call.caller
        return call.caller

    def call(self, told: _Told, words: Words | None, heard: Heard | None) -> Call:
        first = self.spans[told.first]
        callee, operation = named(words, heard, None if heard else self._behind(told), self.words)
        telling = [self.spans[index] for index in (*told.edges, *told.receivers)]
        end = ending(telling, self.spans[told.receivers[-1]] if told.receivers else None)
        return Call(
            caller=told.caller,
            callee=callee,
            operation=operation,
            tries=self._tries(told),
            failed=end.failed,
            given_up=end.given_up,
            cut=end.cut,
            duration_ms=first.duration_ms,
            under=told.under,
            answered=bool(told.receivers) or self._came_to_sidecar(told),
            ended=not (end.given_up and self._is_at_work(told)),
            status=end.status,
        )

    def heard(self, told: _Told) -> Heard | None:
        """Who says to have been asked, and for what; None where nobody does."""
        if not told.receivers:
            return None
        span = self.spans[told.receivers[0]]
        service = next((name for index in told.receivers if (name := self.spans[index].service)), None)
        name = own_name(span)
        if span.kind in RECEIVERS and span.asked is not None:
            name = span.asked
        elif told.edges and not is_telling(name):
            words = self.sent(told)
            name = words[2] if words is not None else name
        return service or self.words.service_at(self.words.lasting(self.peer(told))), self.words.folds(name)

    def sent(self, told: _Told) -> Words | None:
        """What the sender, or the first proxy, says of the call; None where there is neither."""
        if not told.edges:
            return None
        edges = [self.spans[index] for index in told.edges]
        what = next((span.asked for span in edges if span.asked), None)
        if what is None:
            names = [_without_peer(span) for span in edges]
            what = next((name for name in names if is_telling(name)), names[0])
        return told.caller, self.words.lasting(self.peer(told)), self.words.folds(what)

    def peer(self, told: _Told) -> str | None:
        """Whom the edges name: a service rather than an address, the sender's word before its proxies'."""
        peers = [span.peer for index in told.edges if (span := self.spans[index]).peer is not None]
        inbound = next(
            (
                span.service
                for index in told.edges
                if (span := self.spans[index]).is_proxy
                and span.kind == "server"
                and span.service
                and span.service not in self.words.shared
                and span.service not in self.words.relays
            ),
            None,
        )
        return next((peer for peer in peers if not is_address(peer)), None) or inbound or next(iter(peers), None)

    def _behind(self, told: _Told) -> str | None:
        """The service that goes on from here with calls of its own, though it has no span of what it was asked."""
        below = (self.spans[child] for index in told.edges for child in self.children[index])
        mine = self.spans[told.first].service
        return next(
            (span.service for span in below if span.service not in (None, mine) and not _is_proxys(span, self.words)),
            None,
        )

    def _came_to_sidecar(self, told: _Told) -> bool:
        """Whether the proxy of the one that was asked tells of it."""
        edges = [self.spans[index] for index in told.edges]
        is_sent = [span.kind == "client" or span.is_proxy for span in edges]
        return any(
            span.is_proxy and span.kind == "server" and (span.peer is None or any(is_sent[:place]))
            for place, span in enumerate(edges)
        )

    def _tries(self, told: _Told) -> int:
        """Attempts: each receiver, and each edge that nothing of the call lies below."""
        telling = {*told.edges, *told.receivers}
        leaves = sum(not any(child in telling for child in self.children[index]) for index in told.edges)
        return max(1, leaves + len(told.receivers))

    def _is_at_work(self, told: _Told) -> bool:
        """Whether the receiver had something under way of which no span tells."""
        if not told.receivers:
            return False
        index = told.receivers[-1]
        return is_at_work(self.spans[index], [self.spans[child] for child in self.children[index]])
