"""What changed between a trace and the baseline's trace of the same kind of request."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from boifi_core.analyzer.distance import edit_distance
from boifi_core.analyzer.trace import Span, operations, parse_trace
from boifi_core.models import RawObservation

log = logging.getLogger(__name__)

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


def compare_traces(current: list[Span], baseline: list[Span] | None, kind: str | None = None) -> Comparison:
    """Measure `current` against `baseline`; None or no spans: only the current trace's own signs."""
    has_error = any(span.is_error for span in current)
    if not baseline:
        return Comparison(kind, current, None, None, None, has_error, None)
    return Comparison(
        kind=kind,
        spans=current,
        n_baseline_spans=len(baseline),
        span_increase=(len(current) - len(baseline)) / len(baseline),
        edit_distance=edit_distance(operations(current), operations(baseline)),
        has_error=has_error,
        bottleneck=_bottleneck(current, baseline),
    )


def compare_observations(observation: RawObservation, baseline: RawObservation | None) -> list[Comparison]:
    """One comparison for each kind of request that the observation has a readable trace of.

    A trace without spans is no trace. One that cannot be read is left out, with a warning in the log.
    """
    comparisons = []
    for kind, text in _traces(observation):
        spans = _read(text, "observation")
        if spans:
            comparisons.append(compare_traces(spans, _baseline_spans(baseline, kind), kind))
    return comparisons


def _traces(observation: RawObservation) -> list[tuple[str | None, str]]:
    if observation.traces:
        return list(observation.traces.items())
    return [] if observation.trace_data is None else [(observation.trace_kind, observation.trace_data)]


def _baseline_spans(baseline: RawObservation | None, kind: str | None) -> list[Span] | None:
    if baseline is None:
        return None
    text = baseline.traces.get(kind) if kind is not None else None
    if text is None and baseline.trace_kind == kind:
        text = baseline.trace_data
    return None if text is None else _read(text, "baseline")


def _read(text: str, whose: str) -> list[Span] | None:
    try:
        return parse_trace(text)
    except ValueError as error:
        log.warning("the %s's trace is not used: %s", whose, error)
        return None


def _bottleneck(current: list[Span], baseline: list[Span]) -> Bottleneck | None:
    """The operation that grew by the largest factor, if above `BOTTLENECK_FACTOR`; its longest span counts.

    An operation that took 0 ms in the baseline has no factor and is left out.
    """
    now, before = _longest(current), _longest(baseline)
    grown = [
        Bottleneck(operation, duration, before[operation])
        for operation, duration in now.items()
        if before.get(operation, 0.0) > 0 and duration > BOTTLENECK_FACTOR * before[operation]
    ]
    return max(grown, key=lambda found: found.duration_ms / found.baseline_ms, default=None)


def _longest(spans: list[Span]) -> dict[str, float]:
    longest: dict[str, float] = {}
    for span in spans:
        if span.duration_ms is not None:
            longest[span.operation] = max(span.duration_ms, longest.get(span.operation, 0.0))
    return longest
