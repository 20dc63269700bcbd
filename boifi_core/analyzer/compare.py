"""What changed between a trace and the fault-free traces of the same kind of request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boifi_core.analyzer.distance import edit_distance
from boifi_core.analyzer.normal import Normal, as_normal, longest_ms, traces_of
from boifi_core.analyzer.positions import LEAST_MS
from boifi_core.analyzer.trace import operations
from boifi_core.models import RawObservation
from boifi_core.traces import Span
from boifi_core.traces.calls import renamed

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

    `spans` go by the names that all runs share. `span_increase` is a share of the baseline's number of spans (0.5: half
    as many again; negative: fewer). `failing` are the indices of the ERROR spans that fail where none does without a
    fault.
    """

    kind: str | None
    spans: list[Span]
    n_baseline_spans: int | None
    span_increase: float | None
    edit_distance: int | None
    failing: tuple[int, ...]
    bottleneck: Bottleneck | None

    @property
    def has_error(self) -> bool:
        """Whether a call fails that does not without a fault."""
        return bool(self.failing)


def compare_traces(current: list[Span], normal: Normal, kind: str | None = None) -> Comparison:
    """Measure `current` against the fault-free traces of its kind; without any, only its own signs count.

    Its way is compared with the nearest of theirs: a call that is made now and then without a fault is no change.
    """
    current = renamed(current, normal.vocabulary)
    failing = normal.positions(kind).failing(current)
    ways = normal.ways(kind)
    if not ways:
        return Comparison(kind, current, None, None, None, failing, None)
    way = operations(current)
    distances = [(edit_distance(way, each.operations), each.n_spans) for each in ways]
    distance, n_spans = min(distances, key=lambda each: (each[0], abs(each[1] - len(current))))
    return Comparison(
        kind=kind,
        spans=current,
        n_baseline_spans=n_spans,
        span_increase=(len(current) - n_spans) / n_spans,
        edit_distance=distance,
        failing=failing,
        bottleneck=_bottleneck(current, normal, kind),
    )


def compare_observations(observation: RawObservation, baseline: RawObservation | Normal | None) -> list[Comparison]:
    """One comparison for each kind of request that the observation has a readable trace of.

    A trace without spans is no trace. One that cannot be read is left out, with a warning in the log.
    """
    normal = as_normal(baseline)
    return [compare_traces(spans, normal, kind) for kind, spans in traces_of(observation)]


def _bottleneck(current: Sequence[Span], normal: Normal, kind: str | None) -> Bottleneck | None:
    """The span that grew by the largest factor, if above `BOTTLENECK_FACTOR`.

    Its operation's longest span counts, beside what that takes without a fault; and each span beside those at its
    position. One that took 0 ms there has no factor and is left out; so is what takes hardly longer by any factor.
    """
    now, before = longest_ms(current), normal.longest_ms(kind)
    grown = [
        Bottleneck(operation, duration, before[operation])
        for operation, duration in now.items()
        if duration > BOTTLENECK_FACTOR * before.get(operation, 0.0) > 0 and duration - before[operation] >= LEAST_MS
    ]
    grown += [
        Bottleneck(slow.operation, slow.duration_ms, slow.usual_ms)
        for slow in normal.positions(kind).slow(current, BOTTLENECK_FACTOR)
    ]
    return max(grown, key=lambda found: found.duration_ms / found.baseline_ms, default=None)
