"""Traces that are fetched from a tracing backend, asked for until they are whole."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from boifi_core.errors import ExecutorError, ExecutorRejected
from boifi_core.observers.trace_sources.ask import Asker
from boifi_core.observers.trace_sources.base import Collected
from boifi_core.observers.trace_sources.config import BackendConfig
from boifi_core.observers.trace_sources.dialect import Dialect
from boifi_core.observers.trace_sources.fit import CLOCKS_NS, fitting
from boifi_core.observers.trace_sources.lateness import Lateness
from boifi_core.observers.trace_sources.whole import Got, lost_parents
from boifi_core.observers.window import Outcome, lateness_s, spread, stand_ins
from boifi_core.traces import MAX_SPANS, Span
from boifi_core.traces.record import Record
from boifi_core.traces.tidy import tidy

_CANDIDATES = 5
"""Of a kind of request, those whose traces may stand for it: a backend may have lost some."""

_AT_A_TIME = 4

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


@dataclass(slots=True)
class _Asked:
    """A request whose trace is asked for, and what is known of it.

    Attributes:
        ours: the spans in hex that it may have been sent from; the one, but where the trace was found by time.
        stands_in: whether its trace may stand for its kind.
        seen: id and service of each span that has come.
    """

    kind: str
    outcome: Outcome
    trace_id: str
    ours: frozenset[str]
    stands_in: bool
    records: Sequence[Record] = ()
    seen: set[tuple[str | None, str | None]] = field(default_factory=set)
    lost: int = 0

    @property
    def is_whole(self) -> bool:
        return bool(self.seen) and not self.lost

    def take(self, records: Sequence[Record]) -> list[Record]:
        """Keep what is asked for anew; returns what is new in it."""
        new = [record for record in records if (record.id, record.service) not in self.seen]
        if new:
            self.seen |= {(record.id, record.service) for record in new}
            links = ((record.id, record.parent_id) for record in records)
            # What was given up goes on somewhere: its spans that have not ended yet are nobody's loss.
            self.lost = lost_parents(links, self.ours) if self.outcome.answered else 0
            self.records = records
        return new


@dataclass(slots=True)
class _Window:
    """One `collect`: what is asked for, until when, and what went wrong last."""

    wanted: Mapping[str, Sequence[Outcome]]
    ended_at: float
    deadline: float
    asked: list[_Asked] = field(default_factory=list)
    rounds: int = 0
    changed_at: float = 0.0
    batches: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    error: ExecutorError | None = None

    def due(self) -> Iterator[_Asked]:
        """Those that are not whole, and for each kind the one that is to stand for it, to which more may come."""
        chosen = {id(asked) for asked in self.chosen().values()}
        return (asked for asked in list(self.asked) if not asked.is_whole or id(asked) in chosen)

    def chosen(self) -> dict[str, _Asked]:
        """For each kind the trace that stands for it: a whole one, if there is any."""
        there = [asked for asked in self.asked if asked.stands_in and asked.records]
        there.sort(key=lambda asked: not asked.is_whole)
        return {asked.kind: asked for asked in reversed(there)}

    def fetched(self) -> list[list[Span]]:
        """All traces, as far as they are not too large."""
        found = []
        for asked in self.asked:
            with suppress(ValueError):
                found.append(tidy(asked.records))
        return found

    def got(self) -> Got:
        """What has come so far."""
        answered = [asked for asked in self.asked if asked.outcome.answered]
        without = self.wanted.keys() - {asked.kind for asked in self.asked}
        return Got(
            requests=len(answered) + len(without),
            found=sum(bool(asked.seen) for asked in answered),
            cut=sum(asked.lost > 0 for asked in answered),
            lost=sum(asked.lost for asked in answered),
            services=frozenset(service for asked in self.asked for _, service in asked.seen if service),
            changed_at=self.changed_at,
        )

    def take(self, asked: _Asked, records: Sequence[Record]) -> None:
        """Keep what a trace has by now."""
        now = time.monotonic()
        latest_ns: dict[str, int] = {}
        for record in asked.take(records):
            self.changed_at = now
            if record.service:
                end_ns = (record.start_ns or 0) + (record.duration_ns or 0)
                latest_ns[record.service] = max(latest_ns.get(record.service, 0), end_ns)
        over_at = asked.outcome.ended_ns / 1e9 - (time.time() - now)
        for service, end_ns in latest_ns.items():
            self.batches[service, self.rounds].append(lateness_s(now, over_at, end_ns))
        if not asked.stands_in and sum(len(each.records) for each in self.asked) > MAX_SPANS:
            asked.records = ()  # one trace has as many spans at most

    def teach(self, lateness: Lateness) -> None:
        """Tell when each service's batches came, as far as the rounds of questions tell."""
        for (service, round_), late_s in self.batches.items():
            # What is there at the first question came before it, nobody knows when: at most so late as the latest.
            lateness.note(service, max(late_s) if round_ else min(late_s))
        lateness.window_over(self.got())


class Backend:
    """`TraceSource` of a tracing backend.

    Args:
        config: where it is and how long it is waited for.
        dialect: its API.

    Raises:
        InvalidInput: the token's variable is not set, or `ca_file` holds no certificates.
    """

    def __init__(self, config: BackendConfig, dialect: Dialect) -> None:
        self._config = config
        self.asker = Asker(config, dialect)
        self._lateness = Lateness(config.quiet_s)
        self._told_of: str | None = None

    def headers(self, trace_id: bytes, parent_id: bytes) -> Mapping[str, str]:
        """See `TraceSource`; B3 too, which Envoy's and Zipkin's own tracers know instead of `traceparent`."""
        return {"X-B3-TraceId": trace_id.hex(), "X-B3-SpanId": parent_id.hex(), "X-B3-Sampled": "1"}

    def reserved_s(self, timeout_s: float) -> float:
        """See `TraceSource`."""
        return min(self._lateness.longest_wait_s(self._config.wait_s), timeout_s / 2)

    def collect(self, wanted: Mapping[str, Sequence[Outcome]], *, limit_s: float) -> Collected:
        """See `TraceSource`."""
        ended_at = time.monotonic()
        window = _Window(wanted, ended_at, ended_at + min(limit_s, self._config.wait_s))
        if self._config.service is None:
            window.asked = list(_by_id(spread(wanted, self._config.most, _CANDIDATES)))
        pause_s = _FIRST_PAUSE_S
        while True:
            self._ask(window)
            now = time.monotonic()
            ends_at = min(window.deadline, self._lateness.ends_at(window.got(), ended_at))
            if now >= ends_at or isinstance(window.error, ExecutorRejected):
                return self._collected(window)
            time.sleep(min(pause_s, ends_at - now))
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)

    def news(self) -> Sequence[str]:
        """See `TraceSource`: which API there is."""
        told, self._told_of = self._told_of, self.asker.api
        return () if self._told_of in (None, told) else (f"traces: asked for by {self._told_of}",)

    def close(self) -> None:
        """See `TraceSource`."""
        self.asker.close()

    def _ask(self, window: _Window) -> None:
        """Ask once for every trace that may have more to come; a refusal ends it, since repeating cannot help."""
        try:
            self.asker.find_api(window.deadline)
            if self._config.service is not None:
                self._look_for(window)
        except ExecutorError as error:
            window.error = error
            return
        due = list(window.due())
        with ThreadPoolExecutor(_AT_A_TIME, "traces") as pool:
            for asked, answer in zip(due, pool.map(lambda each: self._answer(each, window.deadline), due), strict=True):
                if isinstance(answer, ExecutorError):
                    window.error = answer
                else:
                    window.take(asked, answer)
        window.rounds += 1

    def _answer(self, asked: _Asked, deadline: float) -> Sequence[Record] | ExecutorError:
        try:
            return self.asker.trace(asked.trace_id, deadline)
        except ExecutorError as error:
            return error

    def _look_for(self, window: _Window) -> None:
        """Give each kind without a trace the one that fits one of its requests best."""
        given = {asked.kind: asked.trace_id for asked in window.asked}
        if window.wanted.keys() == given.keys():
            return
        preferred = {kind: stand_ins(outcomes)[:_CANDIDATES] for kind, outcomes in window.wanted.items()}
        outcomes = [each for kind in preferred.values() for each in kind]
        from_ns = min(each.started_ns for each in outcomes) - CLOCKS_NS
        to_ns = max(each.ended_ns for each in outcomes) + CLOCKS_NS
        found = self.asker.search(from_ns, to_ns, window.deadline)
        free = [each for each in found if each.trace_id not in given.values()]
        ours = frozenset(each.parent_id.hex() for kind in window.wanted.values() for each in kind)
        for kind, (outcome, each) in fitting(preferred, free, without=given).items():
            window.asked.append(_Asked(kind, outcome, each.trace_id, ours, stands_in=True))

    def _collected(self, window: _Window) -> Collected:
        got = window.got()
        failed = window.error is not None and not got.is_whole  # else it is over, and all is there in the end
        if self._config.service is not None or (failed and not got.found):
            got = replace(got, requests=got.found)  # the kinds without a trace are named anyway
        reasons = [f"traces: {window.error}"] if failed else []
        reasons += got.reasons(self._lateness.services)
        if self._lateness.still_coming(got, window.ended_at, window.deadline):
            reasons.append("traces: they may not be whole: spans were still coming")
        window.teach(self._lateness)
        traces: dict[str, Sequence[Span]] = {}
        for kind, asked in window.chosen().items():
            try:
                traces[kind] = tidy(asked.records)
            except ValueError as error:
                reasons.append(f"traces: the trace of {kind} {error}")
        return Collected(traces, reasons, window.fetched())


def _by_id(wanted: Mapping[str, Sequence[Outcome]]) -> Iterator[_Asked]:
    """Requests whose trace is asked for by its id, the kinds in turn, those first whose traces stand best for them."""
    kinds = []
    for kind, outcomes in wanted.items():
        may = stand_ins(outcomes)[:_CANDIDATES]
        # What was given up goes on somewhere, and tells of it; what was refused has no trace.
        rest = [each for each in outcomes if (each.answered or each.status == 504) and each not in may]
        kinds.append([_asked(kind, each, stands_in=each in may) for each in (*may, *rest)])
    return (asked for turn in zip_longest(*kinds) for asked in turn if asked is not None)


def _asked(kind: str, outcome: Outcome, *, stands_in: bool) -> _Asked:
    return _Asked(kind, outcome, outcome.trace_id.hex(), frozenset({outcome.parent_id.hex()}), stands_in)
