"""What changed between a trace and the fault-free traces of the same kind of request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boifi_core.analyzer.distance import edit_distance
from boifi_core.analyzer.normal import Normal, as_normal, longest_ms, traces_of
from boifi_core.analyzer.trace import operations
from boifi_core.models import RawObservation
from boifi_core.traces import Span

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


def compare_traces(current: list[Span], normal: Normal, kind: str | None = None) -> Comparison:
    """Measure `current` against the fault-free traces of its kind; without any, only its own signs count.

    Its way is compared with the nearest of theirs: a call that is made now and then without a fault is no change.
    """
    has_error = any(span.is_error for span in current) and not normal.fails(kind)
    ways = normal.ways(kind)
    if not ways:
        return Comparison(kind, current, None, None, None, has_error, None)
    way = operations(current)
    distances = [(edit_distance(way, usual.operations), usual.n_spans) for usual in ways]
    distance, n_spans = min(distances, key=lambda each: (each[0], abs(each[1] - len(current))))
    return Comparison(
        kind=kind,
        spans=current,
        n_baseline_spans=n_spans,
        span_increase=(len(current) - n_spans) / n_spans,
        edit_distance=distance,
        has_error=has_error,
        bottleneck=_bottleneck(current, normal.longest_ms(kind)),
    )


def compare_observations(observation: RawObservation, baseline: RawObservation | Normal | None) -> list[Comparison]:
    """One comparison for each kind of request that the observation has a readable trace of.

    A trace without spans is no trace. One that cannot be read is left out, with a warning in the log.
    """
    normal = as_normal(baseline)
    return [compare_traces(spans, normal, kind) for kind, spans in traces_of(observation)]


def _bottleneck(current: Sequence[Span], before: Mapping[str, float]) -> Bottleneck | None:
    """The operation that grew by the largest factor, if above `BOTTLENECK_FACTOR`.

    Its longest span counts, beside what it takes without a fault, `before`. An operation that took 0 ms there has no
    factor and is left out.
    """
    now = longest_ms(current)
    grown = [
        Bottleneck(operation, duration, before[operation])
        for operation, duration in now.items()
        if before.get(operation, 0.0) > 0 and duration > BOTTLENECK_FACTOR * before[operation]
    ]
    return max(grown, key=lambda found: found.duration_ms / found.baseline_ms, default=None)
