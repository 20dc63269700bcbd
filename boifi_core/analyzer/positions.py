"""How the spans at each position of a trace go: one that is slow or fails is not hidden by others of its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from boifi_core.traces import Span
from boifi_core.traces.tree import MAX_SEQUENCE, parents

LEAST_MS = 5.0
"""A span that takes less than this longer than ever is no slower by its own doing: such is a scheduler's pause."""

_OWN_SHARE = 0.5
"""A span is slow itself if all those at its position together take longer too, by this share of what it does: calls
that run at the same time change places from run to run."""

_ROOT, _UNKNOWN = 0, -1


@dataclass(frozen=True, slots=True)
class Slow:
    """A span that takes longer than without a fault, and how long it takes there at most."""

    operation: str
    duration_ms: float
    usual_ms: float


@dataclass(frozen=True)
class Positions:
    """How the spans at each position go in traces without a fault.

    A position is the operation of a span and of all that it lies below.

    Args:
        traces: one kind of request's.
    """

    traces: Sequence[Sequence[Span]]
    _numbers: dict[tuple[int, str], int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def slow(self, spans: Sequence[Span], factor: float) -> list[Slow]:
        """The spans that take more than `factor` times what the slowest at their position takes without a fault.

        Where a trace has more or fewer spans at a position than any without a fault, none of them is told.
        """
        found = []
        spans = spans[:MAX_SEQUENCE]
        usual = self._usual
        for position, indices in self._of(spans, learn=False).items():
            durations_ms = [spans[index].duration_ms or 0.0 for index in indices]
            alike = [each for each in usual.get(position, ()) if len(each) == len(durations_ms)]
            if not alike:
                continue
            longer_ms = sum(durations_ms) - max(map(sum, alike))
            for index, now_ms, usual_ms in zip(indices, durations_ms, map(max, zip(*alike, strict=True)), strict=True):
                more_ms = now_ms - usual_ms
                if now_ms > factor * usual_ms > 0 and more_ms >= LEAST_MS and longer_ms >= _OWN_SHARE * more_ms:
                    found.append(Slow(spans[index].operation, now_ms, usual_ms))
        return found

    def failing(self, spans: Sequence[Span]) -> tuple[int, ...]:
        """The indices of the ERROR spans that are none without a fault.

        A span may fail whose operation does so at its position, or anywhere where its position is not known.
        """
        if not any(span.is_error for span in spans):
            return ()
        positions, operations = self._usually_failing
        numbers = self._positions(spans[:MAX_SEQUENCE], learn=False)
        return tuple(
            index
            for index, span in enumerate(spans)
            if span.is_error
            and (
                numbers[index] not in positions
                if index < len(numbers) and numbers[index] != _UNKNOWN
                else span.operation not in operations
            )
        )

    @cached_property
    def _usually_failing(self) -> tuple[frozenset[int], frozenset[str]]:
        failing = [
            (number, span.operation)
            for spans in self.traces
            for number, span in zip(self._positions(spans[:MAX_SEQUENCE], learn=True), spans, strict=False)
            if span.is_error
        ]
        beyond = {span.operation for spans in self.traces for span in spans[MAX_SEQUENCE:] if span.is_error}
        return frozenset(number for number, _ in failing), frozenset(
            beyond.union(operation for _, operation in failing)
        )

    @cached_property
    def _usual(self) -> dict[int, list[list[float]]]:
        found: dict[int, list[list[float]]] = defaultdict(list)
        for spans in self.traces:
            spans = spans[:MAX_SEQUENCE]
            for position, indices in self._of(spans, learn=True).items():
                found[position].append([spans[index].duration_ms or 0.0 for index in indices])
        return dict(found)

    def _of(self, spans: Sequence[Span], *, learn: bool) -> dict[int, list[int]]:
        """By position the indices of the spans there that have a duration; unknown positions are learnt or left out."""
        found: dict[int, list[int]] = defaultdict(list)
        for index, number in enumerate(self._positions(spans, learn=learn)):
            if spans[index].duration_ms is not None and number != _UNKNOWN:
                found[number].append(index)
        return found

    def _positions(self, spans: Sequence[Span], *, learn: bool) -> list[int]:
        """The position of each span."""
        parent_of = parents(spans)
        number_of: list[int | None] = [None] * len(spans)
        for index in range(len(spans)):
            chain, above = [index], parent_of[index]
            while above is not None and number_of[above] is None and len(chain) <= len(spans):  # a circle has no end
                chain.append(above)
                above = parent_of[above]
            number = _ROOT if above is None else number_of[above] or _ROOT
            for each in reversed(chain):
                known = number_of[each]
                number = self._number(number, spans[each].operation, learn=learn) if known is None else known
                number_of[each] = number
        return [number or _UNKNOWN for number in number_of]

    def _number(self, above: int, operation: str, *, learn: bool) -> int:
        if above == _UNKNOWN:
            return _UNKNOWN
        if learn:
            return self._numbers.setdefault((above, operation), len(self._numbers) + 1)
        return self._numbers.get((above, operation), _UNKNOWN)
