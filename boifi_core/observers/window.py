"""From the requests of one measuring window to one observation."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from boifi_core.models import MOST_CALLS, RawObservation, SeenCall, most_frequent
from boifi_core.traces import Span, trace_text
from boifi_core.traces.seen import summarised

MAX_LOG_LINES = 20
_MOST_BROKEN = 20
"""Of one kind of request, so many broken expectations are kept."""

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
        path, method: what was asked for, without the query.
        started_ns: when it was sent, nanoseconds since the epoch.
        is_expected: whether a status of 400 or above is what was expected.
        broken: what was expected of its answer, in words, and is not so.
    """

    kind: str
    status: int
    latency_ms: float
    text: str
    trace_id: bytes
    parent_id: bytes
    answered: bool
    path: str = "/"
    started_ns: int = 0
    method: str = ""
    is_expected: bool = False
    broken: tuple[str, ...] = ()

    @property
    def ended_ns(self) -> int:
        """When it was over, nanoseconds since the epoch."""
        return self.started_ns + round(self.latency_ms * 1e6)

    @property
    def failed(self) -> bool:
        """Whether it counts in the error rate: 400 and above, or an answer that is not as it must be."""
        return bool(self.broken) or (self.status >= 400 and not self.is_expected)


def summarise(
    outcomes: Sequence[Outcome],
    *,
    started_at: datetime,
    traces: Mapping[str, Sequence[Span]] | None = None,
    fetched: Sequence[Sequence[Span]] = (),
    reasons: Iterable[str] = (),
) -> RawObservation:
    """One observation of the whole window.

    `status_code` is the one that stands for all (`most_frequent`), `latency_ms` the 95th percentile by
    nearest rank, `error_rate` the share that failed. `trace_data` is the trace of the worst kind: by status, then
    share of failures, then latency.

    Args:
        outcomes: at least one.
        started_at: when the window began.
        traces: by kind of request; None if no traces are collected.
        fetched: all traces of which there are any spans.
        reasons: why the observation is degraded, if it is.
    """
    latencies = sorted(outcome.latency_ms for outcome in outcomes)
    by_kind = by_kind_typical_first(outcomes)
    quantiles = {name: round(nearest_rank(latencies, share), 3) for name, share in _QUANTILES.items()}
    texts = {kind: trace_text(spans) for kind, spans in sorted((traces or {}).items()) if spans}
    worst = max(texts, key=lambda kind: _badness(by_kind[kind]), default=None)
    missing = () if traces is None else tuple(f"traces: no span of {kind}" for kind in by_kind if kind not in texts)
    calls, n_traces = seen_calls(fetched)
    return RawObservation(
        status_code=modal_status(outcomes),
        latency_ms=quantiles["p95"],
        error_rate=sum(outcome.failed for outcome in outcomes) / len(outcomes),
        logs=tuple(dict.fromkeys(outcome.text for outcome in outcomes if outcome.text))[:MAX_LOG_LINES],
        trace_data=None if worst is None else texts[worst],
        timestamp=started_at,
        trace_kind=worst,
        traces=texts,
        quantiles_ms=quantiles,
        degraded=(*reasons, *missing),
        statuses={kind: Counter(each.status for each in alike) for kind, alike in sorted(by_kind.items())},
        calls=calls,
        traces_seen=None if traces is None else n_traces,
        requests=None if traces is None else len(outcomes),
        broken={kind: counts for kind, alike in sorted(by_kind.items()) if (counts := _broken(alike))},
        wrong_rate=sum(bool(outcome.broken) for outcome in outcomes) / len(outcomes),
        good_statuses=tuple(sorted({outcome.status for outcome in outcomes if outcome.is_expected})),
    )


def seen_calls(fetched: Sequence[Sequence[Span]]) -> tuple[tuple[SeenCall, ...], int]:
    """The calls of these traces as an observation keeps them, and how many of the traces have any span."""
    found, n_traces = summarised(fetched, MOST_CALLS)
    return tuple(SeenCall.model_validate(each.fields()) for each in found), n_traces


def _broken(outcomes: Sequence[Outcome]) -> dict[str, int]:
    return dict(Counter(words for each in outcomes for words in each.broken).most_common(_MOST_BROKEN))


def modal_status(outcomes: Iterable[Outcome]) -> int:
    """The status that stands for all of them, see `most_frequent`."""
    return most_frequent(Counter(outcome.status for outcome in outcomes))


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (above 0, up to 1) of the ascending values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def by_kind_typical_first(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Each kind's outcomes, those first whose traces stand best for it.

    That are those that ended as most did, by status and by what was expected of the answer; the nearest to their median
    latency first, since the worst of some tens is worst by chance as often as by the fault; see `stand_ins`. The others
    follow.
    """
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.kind].append(outcome)
    return {kind: _typical_first(alike) for kind, alike in by_kind.items()}


def stand_ins(typical_first: Sequence[Outcome]) -> list[Outcome]:
    """Those whose traces may stand for the kind: one that ended otherwise than most would tell another story."""
    return [each for each in typical_first if _end(each) == _end(typical_first[0])]


def spread(wanted: Mapping[str, Sequence[Outcome]], most: int, least: int) -> dict[str, list[Outcome]]:
    """At most `most` of the requests of each kind and each end in proportion, so that they stand for all.

    Args:
        wanted: by kind, those first whose traces stand best for it; so they come back.
        least: of every kind so many, if there are as many, as far as `most` allows.
    """
    whole = sum(map(len, wanted.values()))
    if whole <= most:
        return {kind: list(alike) for kind, alike in wanted.items()}
    shares = {kind: min(len(alike), max(least, most * len(alike) // whole)) for kind, alike in wanted.items()}
    while (over := sum(shares.values()) - most) > 0:
        largest = max(shares, key=lambda kind: shares[kind])
        shares[largest] -= min(over, max(1, shares[largest] - least))
    return {kind: _evenly(wanted[kind], share) for kind, share in shares.items() if share}


def _evenly(alike: Sequence[Outcome], share: int) -> list[Outcome]:
    """So many of them that lie evenly among all, the first of them included."""
    return [alike[index * len(alike) // share] for index in range(share)]


def lateness_s(came: float, over_at: float, end_ns: int) -> float:
    """How long spans took to come, seconds.

    Of what went on after its request was over, only the time since its own end counts; an end that lies ahead is by a
    clock that is wrong.

    Args:
        came, over_at: when they came, and when their request was over, on the clock of `time.monotonic`.
        end_ns: the latest end of them, since the epoch by the sender's clock.
    """
    ended = end_ns / 1e9 - (time.time() - time.monotonic())
    return max(0.0, came - (max(over_at, ended) if ended <= came else over_at))


def _end(outcome: Outcome) -> tuple[int, bool]:
    return outcome.status, bool(outcome.broken)


def _typical_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    status = modal_status(outcomes)
    alike = [each for each in outcomes if each.status == status]
    end = status, 2 * sum(bool(each.broken) for each in alike) > len(alike)
    ordered = sorted((each for each in alike if _end(each) == end), key=lambda each: each.latency_ms)
    middle = (len(ordered) - 1) / 2
    ranks = sorted(range(len(ordered)), key=lambda rank: (abs(rank - middle), rank))
    return [*(ordered[rank] for rank in ranks), *(each for each in outcomes if _end(each) != end)]


def _badness(outcomes: Sequence[Outcome]) -> tuple[int, float, float]:
    typical = _typical_first(outcomes)[0]
    share = sum(each.failed for each in outcomes) / len(outcomes)
    is_bad = typical.status >= 400 and not typical.is_expected
    return (typical.status if is_bad else 0, share, typical.latency_ms)
