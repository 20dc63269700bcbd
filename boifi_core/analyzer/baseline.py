"""The fault-free observations as one, to compare with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from boifi_core.analyzer.trace import operations
from boifi_core.models import RawObservation
from boifi_core.traces import Span, parse_trace
from boifi_core.traces.calls import renamed
from boifi_core.traces.learn import learn

_T = TypeVar("_T")
_K = TypeVar("_K", int, str)


def merge_baseline(observations: Sequence[RawObservation]) -> RawObservation:
    """One observation that stands for all: medians, the most frequent status, one typical trace of each kind.

    A field that only some observations lack comes from the others, and their reasons for it are dropped; the reasons
    stay where status code or latency is missing from all. The timestamp is the latest.

    Raises:
        ValueError: no observations.
    """
    if not observations:
        raise ValueError("a baseline needs at least one observation")
    status_code = _mode(o.status_code for o in observations if o.status_code is not None)
    latency_ms = _median(o.latency_ms for o in observations)
    trace_kind = _mode(o.trace_kind for o in observations if o.trace_data is not None)
    kinds = dict.fromkeys(kind for o in observations for kind in o.traces)
    by_kind = dict.fromkeys(kind for o in observations for kind in o.statuses)
    traces = {kind: _typical(o.traces.get(kind) for o in observations) for kind in kinds}
    reasons = dict.fromkeys(reason for o in observations for reason in o.degraded)
    broken = dict.fromkeys(kind for o in observations for kind in o.broken)
    return RawObservation(
        status_code=status_code,
        latency_ms=latency_ms,
        error_rate=_median(o.error_rate for o in observations),
        logs=tuple(dict.fromkeys(line for o in observations for line in o.logs)),
        trace_data=_typical(o.trace_data for o in observations if o.trace_kind == trace_kind),
        trace_kind=trace_kind,
        traces={kind: text for kind, text in traces.items() if text is not None},
        quantiles_ms={
            name: median(o.quantiles_ms[name] for o in observations if name in o.quantiles_ms)
            for name in dict.fromkeys(name for o in observations for name in o.quantiles_ms)
        },
        statuses={kind: _together(o.statuses.get(kind) for o in observations) for kind in by_kind},
        broken={kind: _together(o.broken.get(kind) for o in observations) for kind in broken},
        wrong_rate=median(o.wrong_rate for o in observations),
        good_statuses=tuple(sorted({status for o in observations for status in o.good_statuses})),
        timestamp=max(o.timestamp for o in observations),
        degraded=tuple(reasons) if status_code is None or latency_ms is None else (),
    )


def _mode(values: Iterable[_T]) -> _T | None:
    counted = Counter(values).most_common(1)
    return counted[0][0] if counted else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _together(counts: Iterable[Mapping[_K, int] | None]) -> dict[_K, int]:
    all_of_them: Counter[_K] = Counter()
    for each in counts:
        all_of_them.update(each or {})
    return dict(all_of_them)


def _typical(texts: Iterable[str | None]) -> str | None:
    """A trace of the most frequent shape, and among those the one whose longest span is of middle length."""
    read: list[tuple[str, list[Span]]] = []
    for text in texts:
        try:
            read.append((text or "", parse_trace(text or "")))
        except ValueError:
            continue
    known = learn({None: [spans for _, spans in read]})
    by_shape: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    for text, spans in read:
        if spans:
            longest_ms = max(span.duration_ms or 0.0 for span in spans)
            by_shape.setdefault(tuple(operations(renamed(spans, known))), []).append((longest_ms, text))
    if not by_shape:
        return None
    most = max(len(alike) for alike in by_shape.values())
    group = sorted(next(alike for alike in by_shape.values() if len(alike) == most))
    return group[(len(group) - 1) // 2][1]
