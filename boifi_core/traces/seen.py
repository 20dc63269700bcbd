"""The calls of a whole window, over all of its traces: how often, how they ended, how long they were waited for.

A window's traces are summarised where they are fetched, which may be before anybody knows what the target calls things:
a vocabulary is learnt from the fault-free windows of a session. So the calls are kept by what their spans say
(`SeenCall`), and named when they are read (`name`), by the same rules as those of a single trace.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from boifi_core.traces.calls import CLIENT, Call, named, told_calls
from boifi_core.traces.learn import proxies
from boifi_core.traces.span import Span
from boifi_core.traces.vocabulary import Heard, Vocabulary, Words, as_said

MOST_STATUSES = 20
"""Of one call, the commonest."""

MOST_WAITS = 10
"""Waits of one call after which its caller gave up; of more, so many that lie evenly among them."""


class Said(NamedTuple):
    """What the spans of a call say it is.

    Attributes:
        caller: who asked; `CLIENT`, or empty where nobody is known.
        peer, asked: whom the sender says that it asks, and what for; None where it does not say, or there is no sender.
        received: whether the one that was asked has a span of it.
        callee, operation: who was asked, and what for, by that span; else as far as known.
    """

    caller: str
    peer: str | None
    asked: str | None
    received: bool
    callee: str | None
    operation: str


class SeenCall(NamedTuple):
    """One call over the traces of a window; its fields, and those of `said`, are those of `models.SeenCall`."""

    said: Said
    seen: int
    failed: int
    began: int
    refused: int
    given_up: int
    statuses: dict[str, int]
    tries: int
    longest_ms: float | None
    gave_up_ms: tuple[float, ...]
    share: float

    def fields(self) -> dict[str, Any]:
        """All of them by name, those of `said` among the others."""
        return {**self.said._asdict(), **{name: value for name, value in self._asdict().items() if name != "said"}}


class Window(NamedTuple):
    """The calls of a window, in order of their names, and how many traces they are of."""

    calls: tuple[SeenCall, ...]
    n_traces: int


@dataclass(slots=True)
class _Count:
    n_traces: int = 0
    seen: int = 0
    failed: int = 0
    began: int = 0
    refused: int = 0
    given_up: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    tries: int = 0
    longest_ms: float | None = None
    gave_up_ms: list[float] = field(default_factory=list)

    def add(self, call: Call, *, began: bool) -> None:
        self.seen += 1
        self.failed += call.failed
        if call.status is not None:
            self.statuses[call.status] += 1
        if call.duration_ms is not None:
            self.longest_ms = max(call.duration_ms, self.longest_ms or 0.0)
        if not began:
            return
        self.began += 1
        self.given_up += call.given_up
        self.refused += call.answered and not call.given_up
        if call.given_up and call.duration_ms is not None:
            self.gave_up_ms.append(call.duration_ms)


def summarised(traces: Sequence[Sequence[Span]], most: int) -> Window:
    """The calls of these traces; in which order they come does not matter. A trace without spans is none.

    Args:
        most: more calls are not kept: those stay that failed most, then those that were made most often.
    """
    told = [spans for spans in traces if spans]
    counts: dict[Said, _Count] = defaultdict(_Count)
    words = as_said(proxies(told))
    for spans in told:
        _add(spans, words, counts)
    kept = sorted(counts.items(), key=lambda each: (-each[1].failed, -each[1].seen, _order(each[0])))[:most]
    kept.sort(key=lambda each: _order(each[0]))
    return Window(tuple(_seen(said, count, len(told)) for said, count in kept), len(told))


def beginnings(made: Sequence[Call]) -> set[int]:
    """The calls of a trace at which a failure may have begun, by index.

    The deepest that failed; of those given up by their callers, one inside the other, the outermost.
    """
    failed_below = {call.under for call in made if call.failed}

    def is_first(index: int, call: Call) -> bool:
        above = None if call.under is None else made[call.under]
        return not (above is not None and above.cut) if call.cut else index not in failed_below

    return {index for index, call in enumerate(made) if call.failed and is_first(index, call)}


def name(said: Said, vocabulary: Vocabulary) -> tuple[str, Heard] | None:
    """Who asked, and whom for what, as `calls` names it by this vocabulary.

    None where only the trace that it was seen in could tell: of what proxies pass on that go by the name of a service,
    and of a call that nobody answered and that has the words of several others.
    """
    nobodys = vocabulary.relays | vocabulary.shared
    if nobodys and not nobodys.isdisjoint((said.caller, said.peer, said.callee)):
        return None
    caller = said.caller if said.caller in ("", CLIENT) else _service(said.caller, vocabulary)
    peer = vocabulary.lasting(said.peer)
    words: Words | None = None if said.asked is None else (caller, peer, vocabulary.folds(said.asked))
    behind = said.callee if said.peer is None else None
    if not said.received:
        is_ambiguous = words in vocabulary.choices and words not in vocabulary.requests
        return None if is_ambiguous else (caller, named(words, None, behind, vocabulary))
    callee = vocabulary.service_at(peer) if said.callee == said.peer else said.callee
    return caller, named(words, (callee, vocabulary.folds(said.operation)), None, vocabulary)


def thinned(waits_ms: Iterable[float]) -> tuple[float, ...]:
    """At most `MOST_WAITS` of them, ascending: the shortest, the longest, and what lies evenly between by rank."""
    ordered = sorted(waits_ms)
    if len(ordered) <= MOST_WAITS:
        return tuple(ordered)
    step = (len(ordered) - 1) / (MOST_WAITS - 1)
    return tuple(ordered[round(rank * step)] for rank in range(MOST_WAITS))


def commonest(statuses: Counter[str]) -> dict[str, int]:
    """The `MOST_STATUSES` most frequent, those first."""
    return dict(sorted(statuses.items(), key=lambda each: (-each[1], each[0]))[:MOST_STATUSES])


def _service(peer: str, vocabulary: Vocabulary) -> str:
    return vocabulary.service_at(vocabulary.lasting(peer)) or peer


def _order(said: Said) -> tuple[str | bool, ...]:
    return tuple(each if isinstance(each, bool) else each or "" for each in said)


def _add(spans: Sequence[Span], vocabulary: Vocabulary, counts: dict[Said, _Count]) -> None:
    told = told_calls(spans, vocabulary)
    made = [call for call, _, _ in told]
    began = beginnings(made)
    tries: dict[tuple[Said, int | None], int] = defaultdict(int)
    for index, (call, words, heard) in enumerate(told):
        peer, asked = (None, None) if words is None else words[1:]
        said = Said(call.caller, peer, asked, heard is not None, call.callee, call.operation)
        counts[said].add(call, began=index in began)
        tries[said, call.under] += call.tries
    for (said, _), n in tries.items():
        counts[said].tries = max(n, counts[said].tries)
    for said in {said for said, _ in tries}:
        counts[said].n_traces += 1


def _seen(said: Said, count: _Count, n_traces: int) -> SeenCall:
    return SeenCall(
        said=said,
        seen=count.seen,
        failed=count.failed,
        began=count.began,
        refused=count.refused,
        given_up=count.given_up,
        statuses=commonest(count.statuses),
        tries=count.tries,
        longest_ms=count.longest_ms,
        gave_up_ms=thinned(count.gave_up_ms),
        share=count.n_traces / n_traces,
    )
