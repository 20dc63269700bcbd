"""A vocabulary from traces without a fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeVar

from boifi_core.traces.calls import CLIENT, own_name, told_calls
from boifi_core.traces.folding import learn_folds
from boifi_core.traces.peers import host_and_port, is_address
from boifi_core.traces.span import Span
from boifi_core.traces.tree import MAX_SEQUENCE, parents
from boifi_core.traces.vocabulary import Heard, Vocabulary, Words

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V", bound=Hashable)

Traces = Sequence[Sequence[Span]]


def learn(traces: Mapping[str | None, Traces]) -> Vocabulary:
    """What the fault-free traces of each kind of request call things; the order in which they come does not matter."""
    every = [spans[:MAX_SEQUENCE] for alike in traces.values() for spans in alike]
    known = Vocabulary(
        folds=learn_folds([[_names(spans) for spans in alike] for alike in traces.values()]),
        relays=relays(every),
        shared=shared(every),
        addresses=_always(traces),
        ports=_ports(every),
    )
    answerers: dict[str, set[str | None]] = defaultdict(set)
    requests: dict[Words, set[Heard | None]] = defaultdict(set)
    for spans in every:
        for call, words, heard in told_calls(spans, known):
            if words is None or (heard is None and call.failed):
                continue
            requests[words].add(heard)
            if words[1] is not None:
                requests["", words[1], words[2]].add(heard)
                if heard is not None:
                    answerers[words[1]].add(heard[0])
    choices = {
        words: {each for each in heard if each} for words, heard in requests.items() if words[0] and None not in heard
    }
    return replace(known, answerers=_only(answerers), requests=_only(requests), choices=choices)


def relays(traces: Iterable[Sequence[Span]]) -> frozenset[str]:
    """The services that only pass calls on, such as a mesh's proxies: they are no callers of their own.

    A relay stands before at least two services and behind at least two callers, and makes at most one call for each
    that it gets; so seen in traces without a fault.
    """
    between, busy = _between(traces)
    return frozenset(between - busy)


def proxies(traces: Sequence[Sequence[Span]]) -> frozenset[str]:
    """The services by which several proxies go, as far as these traces tell; some may be of calls that failed.

    A proxy says itself that it is one, so one that tries again is no service for that.
    """
    own = {span.service for spans in traces for span in spans if span.is_proxy and span.service}
    return frozenset(own & (shared(traces) | _between(traces)[0]))


def _between(traces: Iterable[Sequence[Span]]) -> tuple[set[str], set[str]]:
    """Services before at least two others and behind at least two callers; those that made more calls than they got."""
    before: dict[str, set[str]] = defaultdict(set)
    behind: dict[str, set[str]] = defaultdict(set)
    busy: set[str] = set()
    for spans in traces:
        children: dict[int, int] = defaultdict(int)
        for index, parent in enumerate(parents(spans[:MAX_SEQUENCE])):
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
    return {name for name in before if len(before[name]) > 1 and len(behind[name]) > 1}, busy


def shared(traces: Iterable[Sequence[Span]]) -> frozenset[str]:
    """The services of proxies' spans that receive below proxies' spans of the same: no service asks itself."""
    found = set()
    for spans in traces:
        for index, parent in enumerate(parents(spans)):
            span = spans[index]
            above = None if parent is None else spans[parent]
            if above is None or not span.service or span.service != above.service or span.kind != "server":
                continue
            if span.is_proxy and above.is_proxy and (above.kind == "client" or span.peer != above.peer):
                found.add(span.service)
    return frozenset(found)


def _names(spans: Iterable[Span]) -> set[str]:
    """All that is folded of a trace."""
    named = {own_name(span) for span in spans}
    return named | {each for span in spans for each in (span.asked, _host(span.peer)) if each is not None}


def _host(peer: str | None) -> str | None:
    return None if peer is None or is_address(peer) else host_and_port(peer)[0]


def _always(traces: Mapping[str | None, Traces]) -> Set[str]:
    """The addresses that several traces of a kind of request have, and all of those."""
    found: set[str] = set()
    for alike in traces.values():
        of_each = [{span.peer for span in spans if span.peer is not None and is_address(span.peer)} for spans in alike]
        if len(of_each) > 1:
            found |= set.intersection(*of_each)
    return found


def _ports(traces: Iterable[Sequence[Span]]) -> dict[str, set[str]]:
    """By host the ports that it is asked at, an empty one where none is said."""
    found: dict[str, set[str]] = defaultdict(set)
    for spans in traces:
        for peer in {span.peer for span in spans if span.peer is not None and not is_address(span.peer)}:
            host, port = host_and_port(peer)
            found[host].add(port)
    return dict(found)


def _only(found: Mapping[_K, Set[_V | None]]) -> dict[_K, _V]:
    """Of each key its value, where that is always the same."""
    certain: dict[_K, _V] = {}
    for key, values in found.items():
        value = next(iter(values))
        if len(values) == 1 and value is not None:
            certain[key] = value
    return certain
