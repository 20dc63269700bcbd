"""What is normal: a target's behaviour without a fault, learnt from all of its fault-free observations."""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TypeVar

from boifi_core.analyzer.baseline import merge_baseline
from boifi_core.analyzer.log_lines import log_template
from boifi_core.analyzer.positions import Positions
from boifi_core.analyzer.seen import named_calls
from boifi_core.analyzer.trace import operations
from boifi_core.models import RawObservation, most_frequent, status_class
from boifi_core.traces import Span, parse_trace
from boifi_core.traces.calls import Call, calls, renamed
from boifi_core.traces.learn import learn
from boifi_core.traces.peers import is_service
from boifi_core.traces.vocabulary import Vocabulary

log = logging.getLogger(__name__)

_NAMED = re.compile(r"([A-Za-z][\w.-]*):(?![/\d])")

_Number = TypeVar("_Number", int, float)

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

RARE = 0.05
"""What less than this share of fault-free traces or windows do is no part of what is usual: with many of them, one that
is odd is to hide nothing of what faults do for good."""

_WAYS = 20
"""So many different ways of fault-free traces are compared with."""


@dataclass(frozen=True, slots=True)
class UsualCall:
    """How one call goes without a fault, over all traces of its kind of request, those apart that are `RARE`.

    Attributes:
        callee: who answers; None where unknown.
        share: of the traces, those that have it; above 0, up to 1.
        fewest, most: how often a trace has it.
        most_tries: the most attempts of one caller at it, repeated calls included.
        durations_ms: of all of them, ascending.
        fails: of the traces that have it, the share in which it failed; 0 to 1.
        under: the call that it is made within, by `Call.where`; None for a root.
    """

    callee: str | None
    share: float
    fewest: int
    most: int
    most_tries: int
    durations_ms: tuple[float, ...]
    fails: float
    under: str | None


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the services that fault-free requests take: its operations in order, and how many spans it has."""

    operations: Sequence[str]
    n_spans: int


@dataclass(frozen=True)
class Normal:
    """The distribution that fault-free observations were drawn from, as far as they tell.

    Attributes:
        observations: without any, nothing is known to be normal.
    """

    observations: tuple[RawObservation, ...]

    @cached_property
    def _parsed(self) -> dict[str | None, list[list[Span]]]:
        parsed: dict[str | None, list[list[Span]]] = {}
        for observation in self.observations:
            for kind, spans in traces_of(observation, whose="baseline", all_of_them=True):
                parsed.setdefault(kind, []).append(spans)
        return parsed

    @cached_property
    def typical(self) -> RawObservation | None:
        """One observation that stands for all; None without any."""
        return merge_baseline(self.observations) if self.observations else None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the target's traces call things."""
        return learn(self._parsed)

    def traces(self, kind: str | None) -> Sequence[Sequence[Span]]:
        """The fault-free traces of this kind of request, its spans by the names that all runs share."""
        return self._renamed.get(kind, [])

    @cached_property
    def _renamed(self) -> dict[str | None, list[list[Span]]]:
        return {kind: [renamed(spans, self.vocabulary) for spans in traces] for kind, traces in self._parsed.items()}

    @property
    def kinds(self) -> tuple[str | None, ...]:
        """The kinds of request that there are traces of."""
        return tuple(self._parsed)

    @cached_property
    def services(self) -> frozenset[str]:
        """The services that have spans; where a span names none, `ratings:GET /ratings` does in its name."""
        spans = [span for kind in self.kinds for trace in self.traces(kind) for span in trace]
        named = {match[1] for span in spans if not span.service and (match := _NAMED.match(span.name))}
        return frozenset({span.service for span in spans if span.service} | named)

    @cached_property
    def asked(self) -> frozenset[str]:
        """Whom others ask, as far as the traces tell: a database has no span."""
        usual = [call for kind in self.kinds for call in self.usual(kind).values()]
        return frozenset(call.callee for call in usual if call.callee)

    def tells_of(self, service: str) -> bool:
        """Whether requests pass a service of this name, as far as the traces tell."""
        return any(is_service(service, known) for known in self.services | self.asked)

    def names(self, path: str) -> bool:
        """Whether the name of any span has this in it."""
        return any(path in span.operation for kind in self.kinds for trace in self.traces(kind) for span in trace)

    def nearness(self, service: str, method: str | None) -> float:
        """How near a service is to those who send the requests, 0 to 1, over the kinds of request.

        What lies deep is passed by fewer of the requests, and has callers that may do without it.

        Args:
            method: counts calls by another one for a fifth; None counts all alike.
        """
        nearest = [
            max(
                (
                    call.share / (1 + _depth(call, usual)) * (1.0 if _is_by(method, where) else 0.2)
                    for where, call in usual.items()
                    if call.callee is not None and is_service(service, call.callee)
                ),
                default=0.0,
            )
            for usual in map(self.usual, self.kinds)
        ]
        return sum(nearest) / len(nearest) if nearest else 0.0

    def positions(self, kind: str | None) -> Positions:
        """How the spans at each position of this kind of request go."""
        return self._positions.get(kind) or Positions(())

    @cached_property
    def _positions(self) -> dict[str | None, Positions]:
        return {kind: Positions(traces) for kind, traces in self._renamed.items()}

    def ways(self, kind: str | None) -> Sequence[Way]:
        """The different ways of this kind of request, the most frequent first, and not endlessly many."""
        return self._ways.get(kind, ())

    def longest_ms(self, kind: str | None) -> Mapping[str, float]:
        """By operation, the median over the fault-free traces of this kind of how long its longest span takes."""
        return self._longest_ms.get(kind, {})

    @cached_property
    def _ways(self) -> dict[str | None, tuple[Way, ...]]:
        return {kind: _distinct(traces) for kind, traces in self._renamed.items()}

    @cached_property
    def _longest_ms(self) -> dict[str | None, dict[str, float]]:
        return {kind: _medians([longest_ms(spans) for spans in traces]) for kind, traces in self._renamed.items()}

    def usual(self, kind: str | None) -> dict[str, UsualCall]:
        """The calls of this kind of request, by `Call.where`."""
        return self._usual.get(kind, {})

    @cached_property
    def _usual(self) -> dict[str | None, dict[str, UsualCall]]:
        known = self.vocabulary
        return {kind: _usual([calls(spans, known) for spans in traces]) for kind, traces in self._parsed.items()}

    @cached_property
    def failed_calls(self) -> Mapping[str, tuple[int, int]]:
        """By `Call.where`, how often each call failed over all traces that were counted, and how often it was made."""
        found: dict[str, tuple[int, int]] = {}
        for observation in self.observations:
            for where, call in named_calls(observation, self.vocabulary).items():
                failed, seen = found.get(where, (0, 0))
                found[where] = failed + call.failed, seen + call.seen
        return found

    @cached_property
    def log_templates(self) -> Mapping[str, float]:
        """What is logged without a fault, without what varies, and in which share of the observations."""
        counts = Counter(template for each in self.observations for template in set(map(log_template, each.logs)))
        return {template: count / len(self.observations) for template, count in counts.items()}

    @cached_property
    def status_codes(self) -> frozenset[int]:
        """The most frequent status of each observation, but for those that are `RARE`."""
        counts = Counter(o.status_code for o in self.observations if o.status_code is not None)
        return frozenset(status for status, count in counts.items() if count >= RARE * counts.total())

    def is_usual_status(self, status: int) -> bool:
        """Whether most requests end so without a fault; healthy ones are alike by their class: 200 and 201.

        Where nothing is known, every status below 400 is usual.
        """
        return _is_among(status, self.status_codes)

    def is_usual_status_of(self, kind: str, status: int) -> bool:
        """The same of one kind of request."""
        counted = [o.statuses[kind] for o in self.observations if kind in o.statuses]
        return _is_among(status, frozenset(most_frequent(statuses) for statuses in counted if statuses))

    @cached_property
    def broken_shares(self) -> Mapping[tuple[str, str], float]:
        """By kind of request and what is expected of its answers, the highest share seen that broke it, as above."""
        shares = [observation.broken_shares() for observation in self.observations]
        known = dict.fromkeys(key for each in shares for key in each)
        return {key: max(_usual_of([each.get(key, 0.0) for each in shares])) for key in known}

    @cached_property
    def error_rate(self) -> float:
        """The highest seen, 0 to 1, but for what is `RARE`; 0 where none was."""
        return max(_usual_of([o.error_rate for o in self.observations if o.error_rate is not None]), default=0.0)

    @cached_property
    def latencies_ms(self) -> tuple[float, ...]:
        """Of each observation, ascending, but for the slowest, where those are `RARE`."""
        return _usual_of([o.latency_ms for o in self.observations if o.latency_ms is not None])


def as_normal(baseline: RawObservation | Normal | None) -> Normal:
    """One observation is a normal of its own; without any, nothing is known."""
    if isinstance(baseline, Normal):
        return baseline
    return Normal(() if baseline is None else (baseline,))


def traces_of(
    observation: RawObservation, *, whose: str = "observation", all_of_them: bool = False
) -> list[tuple[str | None, list[Span]]]:
    """The readable traces of an observation, by kind of request; one without spans is no trace.

    One that cannot be read is left out, with a warning in the log.

    Args:
        whose: for that warning.
        all_of_them: the one that stands for the whole too, where `traces` has none of its kind.
    """
    texts: dict[str | None, str | None] = dict(observation.traces.items())
    if not texts or all_of_them:
        texts.setdefault(observation.trace_kind, observation.trace_data)
    found = []
    for kind, text in texts.items():
        try:
            spans = [] if text is None else parse_trace(text)
        except ValueError as error:
            log.warning("the %s's trace is not used: %s", whose, error)
            continue
        if spans:
            found.append((kind, spans))
    return found


def attempts(made: Sequence[Call]) -> dict[str, int]:
    """For each call, by `Call.where`, how often one caller tried it at most within one call of its own."""
    by_parent: dict[tuple[str, int | None], int] = defaultdict(int)
    for call in made:
        by_parent[call.where, call.under] += call.tries
    most: dict[str, int] = {}
    for (where, _), n in by_parent.items():
        most[where] = max(n, most.get(where, 0))
    return most


def _depth(call: UsualCall, usual: Mapping[str, UsualCall]) -> int:
    """How many calls it lies below."""
    above, depth = call.under, 0
    while above is not None and above in usual and depth < len(usual):
        above, depth = usual[above].under, depth + 1
    return depth


def _is_by(method: str | None, where: str) -> bool:
    told = [each for each in _METHODS if each in where.split()]
    return method is None or not told or method in told


def longest_ms(spans: Sequence[Span]) -> dict[str, float]:
    """How long the longest span of each operation of a trace takes, milliseconds."""
    longest: dict[str, float] = {}
    for span in spans:
        if span.duration_ms is not None:
            operation = span.operation
            longest[operation] = max(span.duration_ms, longest.get(operation, 0.0))
    return longest


def _usual_of(values: Sequence[_Number]) -> tuple[_Number, ...]:
    """Ascending, without the highest, where those are less than `RARE`."""
    return tuple(sorted(values)[: len(values) - int(RARE * len(values))])


def _is_among(status: int, usual: frozenset[int]) -> bool:
    if status >= 400:
        return status in usual
    return not usual or status_class(status) in map(status_class, usual)


def _medians(of_traces: Sequence[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for longest in of_traces:
        for operation, duration_ms in longest.items():
            found[operation].append(duration_ms)
    return {operation: median(durations_ms) for operation, durations_ms in found.items()}


def _distinct(traces: Sequence[list[Span]]) -> tuple[Way, ...]:
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for spans in traces:
        alike[tuple(operations(spans))].append(len(spans))
    ways = sorted(alike.items(), key=lambda way: len(way[1]), reverse=True)[:_WAYS]
    return tuple(Way(way, lengths[0]) for way, lengths in ways)


def _usual(traces: Sequence[Sequence[Call]]) -> dict[str, UsualCall]:
    counts = [Counter(call.where for call in made) for made in traces]
    tries = [attempts(made) for made in traces]
    of: dict[str, list[Call]] = defaultdict(list)
    under: dict[str, str | None] = {}
    for made in traces:
        for call in made:
            of[call.where].append(call)
            under[call.where] = None if call.under is None else made[call.under].where
    return {
        where: UsualCall(
            callee=next((call.callee for call in alike if call.callee is not None), None),
            share=sum(where in count for count in counts) / len(counts),
            fewest=-max(_usual_of([-count[where] for count in counts])),
            most=max(_usual_of([count[where] for count in counts])),
            most_tries=max(_usual_of([tried.get(where, 0) for tried in tries])),
            durations_ms=_usual_of([call.duration_ms for call in alike if call.duration_ms is not None]),
            fails=_failing(where, traces),
            under=under[where],
        )
        for where, alike in of.items()
    }


def _failing(where: str, traces: Sequence[Sequence[Call]]) -> float:
    """The share of the traces with this call in which it failed; 0 where that is `RARE`."""
    ends = [[call.failed for call in made if call.where == where] for made in traces]
    failed = [any(each) for each in ends if each]
    share = sum(failed) / len(failed)
    return share if share >= RARE else 0.0
