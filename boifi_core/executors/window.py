"""From the requests of one measuring window to one observation."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from boifi_core.executors.spans import ReceivedSpan
from boifi_core.executors.trace_json import trace_json
from boifi_core.models import RawObservation

MAX_LOG_LINES = 20
_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended.

    Attributes:
        kind: the kind of request.
        status: HTTP status; 504 if it was given up, 503 if the connection was refused or cut.
        latency_ms: until the whole body was in, or until it failed.
        text: what the target said of its failure, one line.
        trace_id, parent_id: as sent in `traceparent`.
        answered: whether there was any HTTP answer, so that a root span is to be expected.
    """

    kind: str
    status: int
    latency_ms: float
    text: str
    trace_id: bytes
    parent_id: bytes
    answered: bool

    @property
    def failed(self) -> bool:
        """Whether it counts in the error rate: 400 and above."""
        return self.status >= 400


def summarise(
    outcomes: Sequence[Outcome],
    *,
    started_at: datetime,
    spans: Mapping[bytes, list[ReceivedSpan]] | None = None,
    reasons: Iterable[str] = (),
) -> RawObservation:
    """One observation of the whole window.

    `status_code` is the most frequent (of equally frequent ones the highest), `latency_ms` the 95th percentile by
    nearest rank, `error_rate` the share of 400 and above. The trace of a kind is that of its typical request: of those
    with the kind's most frequent status the one of median latency, since the worst of some tens is worst by chance as
    often as by the fault. `trace_data` is that of the worst kind: by status, then share of failures, then latency.

    Args:
        outcomes: at least one.
        started_at: when the window began.
        spans: spans by trace id; None if no traces are collected.
        reasons: why the observation is degraded, if it is.
    """
    latencies = sorted(outcome.latency_ms for outcome in outcomes)
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.kind].append(outcome)
    quantiles = {name: round(nearest_rank(latencies, share), 3) for name, share in _QUANTILES.items()}
    traces = {} if spans is None else _traces(by_kind, spans)
    worst = max(traces, key=lambda kind: _badness(by_kind[kind]), default=None)
    missing = () if spans is None else tuple(f"traces: no span of {kind}" for kind in by_kind if kind not in traces)
    return RawObservation(
        status_code=modal_status(outcomes),
        latency_ms=quantiles["p95"],
        error_rate=sum(outcome.failed for outcome in outcomes) / len(outcomes),
        logs=tuple(dict.fromkeys(outcome.text for outcome in outcomes if outcome.text))[:MAX_LOG_LINES],
        trace_data=None if worst is None else traces[worst],
        timestamp=started_at,
        trace_kind=worst,
        traces=traces,
        quantiles_ms=quantiles,
        degraded=(*reasons, *missing),
    )


def modal_status(outcomes: Iterable[Outcome]) -> int:
    """The most frequent status; of equally frequent ones the highest."""
    counts = Counter(outcome.status for outcome in outcomes)
    return max(counts, key=lambda status: (counts[status], status))


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (above 0, up to 1) of the ascending values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def _traces(by_kind: Mapping[str, Sequence[Outcome]], spans: Mapping[bytes, list[ReceivedSpan]]) -> dict[str, str]:
    traces = {}
    for kind, outcomes in sorted(by_kind.items()):
        typical = next((each for each in _most_typical_first(outcomes) if each.trace_id in spans), None)
        if typical is not None:
            traces[kind] = trace_json(spans[typical.trace_id])
    return traces


def _most_typical_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    status = modal_status(outcomes)
    ordered = sorted((each for each in outcomes if each.status == status), key=lambda each: each.latency_ms)
    middle = (len(ordered) - 1) / 2
    ranks = sorted(range(len(ordered)), key=lambda rank: (abs(rank - middle), rank))
    return [ordered[rank] for rank in ranks]


def _badness(outcomes: Sequence[Outcome]) -> tuple[int, float, float]:
    status = modal_status(outcomes)
    share = sum(each.failed for each in outcomes) / len(outcomes)
    return (status if status >= 400 else 0, share, _most_typical_first(outcomes)[0].latency_ms)
