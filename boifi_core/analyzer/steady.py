"""Whether a target is at its steady state without a fault: what of it fails by itself, warms up, or drifts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from boifi_core.analyzer.explain import explain, of_answers, percent
from boifi_core.analyzer.log_lines import BAD_LOG
from boifi_core.analyzer.normal import Normal
from boifi_core.errors import counted, listed
from boifi_core.models import RawObservation, SeverityScore, most_frequent

APART = 1.5
"""Of two windows one is slower that takes this times the other's latency, and `APART_MS` more."""

APART_MS = 20.0

FAILS_MORE = 0.1
"""Of two windows one fails more that has this much more of its requests failed: three of thirty."""

_MOST = 5
"""Troubles of one kind that are named."""


def warm_up(windows: Sequence[RawObservation]) -> int:
    """How many of these fault-free windows, from the first on, are no sample of what the target is without a fault.

    Those that are each worse than every one after them; and the first, where each is quicker than the one before it and
    the last much quicker. Where bad windows come by chance, one comes among the others too, sooner or later.
    """
    for n in range(len(windows) - 1, 0, -1):
        if all(is_worse(early, late) for early in windows[:n] for late in windows[n:]):
            return n
    latencies = [window.latency_ms or 0.0 for window in windows]
    is_falling = all(later < earlier for earlier, later in pairwise(latencies))
    return int(len(windows) > 1 and is_falling and is_worse(windows[0], windows[-1]))


def is_drifting(windows: Sequence[RawObservation]) -> bool:
    """Whether the last of these fault-free windows is worse than every one before it."""
    return len(windows) > 2 and all(is_worse(windows[-1], earlier) for earlier in windows[:-1])


def is_worse(one: RawObservation, other: RawObservation) -> bool:
    """Whether of two fault-free windows the first is so much worse that it is hardly chance."""
    if (one.error_rate or 0.0) - (other.error_rate or 0.0) > FAILS_MORE:
        return True
    if one.is_bad(one.status_code or 0) and not other.is_bad(other.status_code or 999):
        return True
    if one.latency_ms is None or other.latency_ms is None:
        return False
    return one.latency_ms > max(APART * other.latency_ms, other.latency_ms + APART_MS)


def cause(score: SeverityScore, observation: RawObservation) -> str:
    """Why a fault-free window is no healthy one: what gave its points, and what the target itself says."""
    what = [explain(score, observation)]
    if observation.failed_rate or observation.is_bad(observation.status_code or 0):
        bad = [line for line in observation.logs if BAD_LOG.search(line)]
        what += [f"“{' '.join(line.split())[:100]}”" for line in (bad or observation.logs)[:1] if line not in what[0]]
    return "; ".join(what)


def troubles(normal: Normal) -> list[str]:
    """What these fault-free windows have of failing, one line for people each: kinds of request, calls, fields."""
    kinds = list(_kinds(normal))
    named = [*kinds[:_MOST], *_calls(normal), *_unread(normal)]
    if is_drifting(normal.observations):
        latencies = ", ".join(f"{o.latency_ms:.0f}" for o in normal.observations if o.latency_ms is not None)
        named.append(f"the target got worse from window to window (latency {latencies} ms): what is normal may drift")
    return named


def _kinds(normal: Normal) -> Iterator[str]:
    counts: dict[str, Counter[int]] = {}
    good = {status for observation in normal.observations for status in observation.good_statuses}
    for observation in normal.observations:
        for kind, statuses in observation.statuses.items():
            counts.setdefault(kind, Counter()).update(statuses)
    for kind, of_kind in counts.items():
        failed = {status: n for status, n in of_kind.items() if status >= 400 and status not in good}
        if failed:
            share = f"{sum(failed.values())} of {counted(of_kind.total(), 'request')}"
            yield f"{kind} fails: {share}, most with {most_frequent(failed)}"
    for (kind, words), share_of_broken in sorted(normal.broken_shares.items(), key=lambda each: -each[1]):
        if share_of_broken > 0:
            yield f"{of_answers(share_of_broken, kind)} break {words}"


def _calls(normal: Normal) -> list[str]:
    """The calls that fail now and then, and the first calls of a trace where nothing counts the statuses."""
    counts_statuses = any(observation.statuses for observation in normal.observations)
    failing = [
        f"{where} ({percent(call.fails)} of its traces)"
        for kind in normal.kinds
        for where, call in normal.usual(kind).items()
        if call.fails and not (counts_statuses and call.under is None)
    ]
    return [f"these calls fail: {listed(list(dict.fromkeys(failing)), _MOST)}"] if failing else []


def _unread(normal: Normal) -> list[str]:
    reasons = list(dict.fromkeys(reason for observation in normal.observations for reason in observation.degraded))
    return [f"not all could be observed: {'; '.join(reasons[:_MOST])}"] if reasons else []
