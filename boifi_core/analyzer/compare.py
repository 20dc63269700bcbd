"""What changed between a trace and the fault-free traces of the same kind of request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from boifi_core.analyzer.distance import edit_distance
from boifi_core.analyzer.normal import Normal, as_normal, traces_of
from boifi_core.analyzer.trace import Span, operations
from boifi_core.models import RawObservation

_WAYS = 20
"""So many different ways of fault-free traces are compared with."""

BOTTLENECK_FACTOR = 5.0
"""A span that takes more than this times its baseline is a bottleneck."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """An operation that became slow: its longest span now and in the baseline."""

    operation: str
    duration_ms: float
    baseline_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A trace against its baseline; without a baseline trace the figures that need one are None.

    `span_increase` is a share of the baseline's number of spans (0.5: half as many again; negative: fewer).
    """

    kind: str | None
    spans: list[Span]
    n_baseline_spans: int | None
    span_increase: float | None
    edit_distance: int | None
    has_error: bool
    bottleneck: Bottleneck | None


def compare_traces(
    current: list[Span], usual: Sequence[Sequence[Span]], kind: str | None = None, *, usually_fails: bool = False
) -> Comparison:
    """Measure `current` against the fault-free traces of its kind.

    Its way is compared with the nearest of theirs: a call that is made now and then without a fault is no change.

    Args:
        usual: none: only the current trace's own signs count.
        usually_fails: whether ERROR spans are nothing new.
    """
    has_error = not usually_fails and any(span.is_error for span in current)
    if not usual:
        return Comparison(kind, current, None, None, None, has_error, None)
    way = operations(current)
    distances = [(edit_distance(way, operations(list(spans))), spans) for spans in _distinct(usual)]
    distance, nearest = min(distances, key=lambda each: (each[0], abs(len(each[1]) - len(current))))
    return Comparison(
        kind=kind,
        spans=current,
        n_baseline_spans=len(nearest),
        span_increase=(len(current) - len(nearest)) / len(nearest),
        edit_distance=distance,
        has_error=has_error,
        bottleneck=_bottleneck(current, usual),
    )


def compare_observations(observation: RawObservation, baseline: RawObservation | Normal | None) -> list[Comparison]:
    """One comparison for each kind of request that the observation has a readable trace of.

    A trace without spans is no trace. One that cannot be read is left out, with a warning in the log.
    """
    normal = as_normal(baseline)
    return [
        compare_traces(spans, normal.traces(kind), kind, usually_fails=normal.fails(kind))
        for kind, spans in traces_of(observation)
    ]


def _distinct(usual: Sequence[Sequence[Span]]) -> list[Sequence[Span]]:
    """One trace of each way through the services, the most frequent ways first, and not endlessly many."""
    ways: dict[tuple[str, ...], list[Sequence[Span]]] = {}
    for spans in usual:
        ways.setdefault(tuple(operations(list(spans))), []).append(spans)
    return [alike[0] for alike in sorted(ways.values(), key=len, reverse=True)[:_WAYS]]


def _bottleneck(current: Sequence[Span], usual: Sequence[Sequence[Span]]) -> Bottleneck | None:
    """The operation that grew by the largest factor, if above `BOTTLENECK_FACTOR`.

    Its longest span counts, beside the median of the longest in each fault-free trace. An operation that took 0 ms
    there has no factor and is left out.
    """
    now = _longest(current)
    longest: dict[str, list[float]] = {}
    for spans in usual:
        for operation, duration_ms in _longest(spans).items():
            longest.setdefault(operation, []).append(duration_ms)
    before = {operation: median(durations) for operation, durations in longest.items()}
    grown = [
        Bottleneck(operation, duration, before[operation])
        for operation, duration in now.items()
        if before.get(operation, 0.0) > 0 and duration > BOTTLENECK_FACTOR * before[operation]
    ]
    return max(grown, key=lambda found: found.duration_ms / found.baseline_ms, default=None)


def _longest(spans: Sequence[Span]) -> dict[str, float]:
    longest: dict[str, float] = {}
    for span in spans:
        if span.duration_ms is not None:
            longest[span.operation] = max(span.duration_ms, longest.get(span.operation, 0.0))
    return longest
