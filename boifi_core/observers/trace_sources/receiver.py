"""Traces that the mesh sends to BOIFI's own OTLP receiver."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from boifi_core.observers.otlp.receiver import OtlpReceiver
from boifi_core.observers.otlp.spans import ReceivedSpan, Trace
from boifi_core.observers.trace_sources.base import Collected
from boifi_core.observers.trace_sources.config import MOST_TRACES, ReceiverConfig
from boifi_core.observers.trace_sources.lateness import Lateness
from boifi_core.observers.trace_sources.whole import Got, lost_parents
from boifi_core.observers.window import Outcome, lateness_s, spread, stand_ins
from boifi_core.traces import Span
from boifi_core.traces.tidy import tidy

_LEAST = 5
"""Of a kind of request, so many traces are looked at if there are as many."""


class ReceivedTraces:
    """`TraceSource` of an OTLP receiver.

    Args:
        receiver: where the spans arrive.
        wait_s, quiet_s, most: as in the config; by default for senders that send at once.
        owned: whether `close` closes the receiver.
    """

    def __init__(
        self,
        receiver: OtlpReceiver,
        *,
        wait_s: float = 1.0,
        quiet_s: float = 0.03,
        most: int = MOST_TRACES,
        owned: bool = False,
    ) -> None:
        self.receiver = receiver
        self._most = most
        self._wait_s = wait_s
        self._lateness = Lateness(quiet_s)
        self._late: dict[str, float] = {}
        self._told_of: set[str] = set()
        self._owned = owned

    @classmethod
    def listening(cls, config: ReceiverConfig) -> ReceivedTraces:
        """With a receiver of its own; raises `InvalidInput` if the port is in use."""
        receiver = OtlpReceiver(config.port, config.host)
        return cls(receiver, wait_s=config.wait_s, quiet_s=config.quiet_s, most=config.most, owned=True)

    def headers(self, trace_id: bytes, parent_id: bytes) -> Mapping[str, str]:
        """See `TraceSource`."""
        return {}

    def reserved_s(self, timeout_s: float) -> float:
        """See `TraceSource`."""
        return min(self._lateness.longest_wait_s(self._wait_s), timeout_s / 2)

    def collect(self, wanted: Mapping[str, Sequence[Outcome]], *, limit_s: float) -> Collected:
        """See `TraceSource`; the spans of all these requests are then held no longer."""
        outcomes = [each for kind in wanted.values() for each in kind]
        ended_at = time.monotonic()
        deadline = ended_at + min(limit_s, self._wait_s)
        store, lateness = self.receiver.store, self._lateness
        for late in store.take_late():
            if late.late_s > (lateness.bound_s or 0.0):  # else it ended late itself
                self._late[late.service] = max(late.late_s, self._late.get(late.service, 0.0))
            lateness.note(late.service, late.late_s)
        window = _Window(outcomes)
        trace_ids = [each.trace_id for each in outcomes]

        def over_at(traces: Mapping[bytes, Trace]) -> float:
            window.look_at(traces, store.let_go(trace_ids))
            return min(deadline, lateness.ends_at(window.got, ended_at))

        store.wait_until(over_at)
        let_go = store.let_go(trace_ids)
        held = store.take(trace_ids, over_at=ended_at)
        reasons = window.got.reasons(lateness.services)
        if let_go:
            reasons.append(f"traces: too many spans came to hold all: {let_go} traces were let go")
        if lateness.still_coming(window.got, ended_at, deadline):
            reasons.append("traces: they may not be whole: spans were still coming")
        window.teach(lateness)
        fetched = _fetched(held, spread(wanted, self._most, _LEAST))
        traces = {}
        for kind, typical_first in wanted.items():
            there = [each for each in stand_ins(typical_first) if each.trace_id in held]
            there.sort(key=lambda each: window.lost.get(each.trace_id, 0) > 0)
            if there:
                trace_id = there[0].trace_id
                try:
                    traces[kind] = fetched.get(trace_id) or _spans(held[trace_id])
                except ValueError as error:
                    reasons.append(f"traces: the trace of {kind} {error}")
        return Collected(traces, reasons, list(fetched.values()))

    def news(self) -> Sequence[str]:
        """See `TraceSource`: whose spans came too late, once for each service."""
        new = [service for service in self._late if service not in self._told_of]
        self._told_of.update(new)
        return [
            f"traces: spans of {service} came {self._late[service]:.1f} s after their requests, too late for these; "
            "they are waited for from now on, within wait_s and quiet_s"
            for service in new
        ]

    def close(self) -> None:
        """See `TraceSource`."""
        if self._owned:
            self.receiver.close()


class _Window:
    """What has come for the requests of one window, looked at again whenever spans came."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self.got = Got()
        self.lost: dict[bytes, int] = {}
        self._outcomes = list(outcomes)
        self._links: dict[bytes, int] = {}
        self._came: dict[bytes, Mapping[str, tuple[float, int]]] = {}

    def look_at(self, traces: Mapping[bytes, Trace], let_go: int) -> None:
        answered = [each for each in self._outcomes if each.answered]
        for outcome in self._outcomes:
            trace = traces.get(outcome.trace_id)
            if trace is not None and self._links.get(outcome.trace_id) != len(trace.links):
                self._links[outcome.trace_id] = len(trace.links)
                # What was given up goes on somewhere: its spans that have not ended yet are nobody's loss.
                ours = outcome.parent_id
                self.lost[outcome.trace_id] = lost_parents(trace.links, {ours}) if outcome.answered else 0
                self._came[outcome.trace_id] = trace.came
        lost = [self.lost[each.trace_id] for each in answered if each.trace_id in self.lost]
        self.got = Got(
            requests=len(answered),
            found=min(len(answered), len(lost) + let_go),
            cut=sum(each > 0 for each in lost),
            lost=sum(lost),
            services=frozenset(service for came in self._came.values() for service in came),
            changed_at=max((moment for came in self._came.values() for moment, _ in came.values()), default=0.0),
        )

    def teach(self, lateness: Lateness) -> None:
        """Tell when each service's batches came."""
        batches: dict[tuple[str, float], float] = defaultdict(float)
        behind_s = time.time() - time.monotonic()
        for outcome in self._outcomes:
            for service, (came, end_ns) in self._came.get(outcome.trace_id, {}).items():
                late_s = lateness_s(came, outcome.ended_ns / 1e9 - behind_s, end_ns)
                batches[service, came] = max(batches[service, came], late_s)
        for (service, _), late_s in batches.items():
            lateness.note(service, late_s)
        lateness.window_over(self.got)


def _fetched(
    held: Mapping[bytes, Sequence[ReceivedSpan]], chosen: Mapping[str, Iterable[Outcome]]
) -> dict[bytes, list[Span]]:
    """The traces of these requests, as far as they are there and not too large, by id."""
    found = {}
    for trace_id in (each.trace_id for alike in chosen.values() for each in alike):
        if trace_id in held:
            with suppress(ValueError):
                found[trace_id] = _spans(held[trace_id])
    return found


def _spans(received: Sequence[ReceivedSpan]) -> list[Span]:
    return tidy(each.record() for each in received)
