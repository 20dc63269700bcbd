"""A trace beside the normal one of the same kind of request: which calls match, and what is different about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from boifi_core.traces import Span
from boifi_core.traces.calls import renamed
from boifi_core.traces.learn import learn
from boifi_core.traces.tree import parents

MAX_ROWS = 100
"""So many calls are shown; those that differ, and what they were called by, come first."""

_FACTOR = 2.0
_SHARE = 0.05
"""A call took noticeably longer, or shorter: by this factor, and by this share of the longer of the two traces."""


@dataclass(frozen=True)
class Bar:
    """A call in one of the two traces: when it began, after the trace's begin, and how long it took, if known."""

    start_ms: float
    duration_ms: float | None
    failed: bool


@dataclass(frozen=True)
class Row:
    """A call, as it goes without the fault and with it; None where it is not there.

    `depth` is how many calls it lies within; `marks` say what is different about it, none if nothing is.
    """

    depth: int
    call: str
    normal: Bar | None
    seen: Bar | None
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Waterfall:
    """Two traces as rows of calls, each before those made within it.

    `total_ms` is where the longer of them ends, above 0; `n_hidden` calls are left out.
    """

    rows: tuple[Row, ...]
    total_ms: float
    n_hidden: int


def waterfall(normal: Sequence[Span], seen: Sequence[Span]) -> Waterfall:
    """Match the calls of two traces from their roots down, by what was called and in the order of their begin.

    Args:
        normal: the trace without the fault; empty where there is none: then nothing is compared.
        seen: the trace with it.
    """
    known = learn({None: [normal]})
    one, other = _Tree(renamed(normal, known)), _Tree(renamed(seen, known))
    total_ms = max([*one.ends_ms(), *other.ends_ms()], default=0.0) or 1.0
    rows: list[Row] = []
    # An own stack, since a trace may be deeper than Python's.
    waiting = [(0, *pair) for pair in reversed(_matched(one, one.roots, other, other.roots))]
    while waiting:
        depth, mine, theirs, is_again = waiting.pop()
        normal_bar = None if mine is None else one.bar(mine)
        seen_bar = None if theirs is None else other.bar(theirs)
        span = one.spans[mine or 0] if theirs is None else other.spans[theirs]
        marks = _marks(normal_bar, seen_bar, span, is_again, total_ms) if normal else _failure(span)
        rows.append(Row(depth, span.operation or "?", normal_bar, seen_bar, tuple(marks)))
        below = _matched(
            one, [] if mine is None else one.children[mine], other, [] if theirs is None else other.children[theirs]
        )
        waiting += [(depth + 1, *pair) for pair in reversed(below)]
    kept = _kept(rows)
    return Waterfall(tuple(rows[index] for index in kept), total_ms, len(rows) - len(kept))


class _Tree:
    """The spans of a trace, who called whom, and when each began; a circle of parents is entered at its first span."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = list(spans)
        self.children: list[list[int]] = [[] for _ in self.spans]
        self.roots: list[int] = []
        self.starts_ms = [span.start_ms or 0.0 for span in self.spans]
        parent_of = parents(self.spans)
        for index, parent in enumerate(parent_of):
            (self.roots if parent is None else self.children[parent]).append(index)
        seen: set[int] = set()
        self._settle(self.roots, seen)
        for index in range(len(self.spans)):
            if index not in seen:
                self._settle([index], seen)
                self.roots.append(index)

    def _settle(self, roots: Sequence[int], seen: set[int]) -> None:
        """Order siblings, cut circles, and let a span without a begin begin with its caller.

        Args:
            seen: the spans reached so far; those reached now are added.
        """
        seen.update(roots)
        waiting = list(roots)
        while waiting:
            index = waiting.pop()
            mine = [child for child in self.children[index] if child not in seen]
            seen.update(mine)
            for child in mine:
                if self.spans[child].start_ms is None:
                    self.starts_ms[child] = self.starts_ms[index]
            self.children[index] = sorted(mine, key=lambda child: self.starts_ms[child])
            waiting += mine

    def bar(self, index: int) -> Bar:
        span = self.spans[index]
        return Bar(self.starts_ms[index], span.duration_ms, span.is_error)

    def ends_ms(self) -> list[float]:
        return [start + (span.duration_ms or 0.0) for start, span in zip(self.starts_ms, self.spans, strict=True)]


Pair = tuple[int | None, int | None, bool]
"""A call in the normal trace, the same in the other, and whether it is a further try of one before it."""


def _matched(one: _Tree, mine: Sequence[int], other: _Tree, theirs: Sequence[int]) -> list[Pair]:
    """Siblings of both traces, matched by what is called: the first with the first, the second with the second."""
    left: dict[str, list[int]] = {}
    for index in mine:
        left.setdefault(one.spans[index].operation, []).append(index)
    tries: Counter[str] = Counter()
    pairs: list[tuple[float, Pair]] = []
    for index in theirs:
        call = other.spans[index].operation
        match = left[call].pop(0) if left.get(call) else None
        pairs.append((other.starts_ms[index], (match, index, match is None and tries[call] > 0)))
        tries[call] += 1
    pairs += [(one.starts_ms[index], (index, None, False)) for alike in left.values() for index in alike]
    return [pair for _, pair in sorted(pairs, key=lambda begun: begun[0])]


def _marks(normal: Bar | None, seen: Bar | None, span: Span, is_again: bool, total_ms: float) -> list[str]:
    if seen is None:
        return ["gone"]
    marks = []
    if normal is None:
        marks.append("tried again" if is_again else "new")
    if seen.failed and not (normal and normal.failed):
        marks += _failure(span)
    if normal is not None:
        marks += _slower(normal.duration_ms, seen.duration_ms, total_ms)
    return marks


def _failure(span: Span) -> list[str]:
    if not span.is_error:
        return []
    return [f"fails with {span.status_code}" if span.status_code else "fails"]


def _slower(normal_ms: float | None, seen_ms: float | None, total_ms: float) -> list[str]:
    if normal_ms is None or seen_ms is None or seen_ms == normal_ms or abs(seen_ms - normal_ms) < _SHARE * total_ms:
        return []
    if seen_ms >= _FACTOR * normal_ms:
        return [f"{_figure(seen_ms / normal_ms)} times as long" if normal_ms else "longer"]
    return ["cut short"] if normal_ms >= _FACTOR * seen_ms else []


def _figure(factor: float) -> str:
    return f"{factor:.2g}" if factor < 100 else f"{factor:.0f}"


def _kept(rows: Sequence[Row]) -> list[int]:
    """The indices of the rows that are shown, ascending."""
    if len(rows) <= MAX_ROWS:
        return list(range(len(rows)))
    kept: dict[int, None] = {}
    above: list[int] = []
    for index, row in enumerate(rows):
        del above[row.depth :]
        above.append(index)
        if row.marks:
            kept |= dict.fromkeys(above)
        if len(kept) >= MAX_ROWS:
            break
    for index in range(len(rows)):
        if len(kept) >= MAX_ROWS:
            break
        kept.setdefault(index)
    return sorted(list(kept)[:MAX_ROWS])
