"""Traces that are fetched from a tracing backend, each asked for until it is whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from boifi_core.errors import ExecutorBadAnswer, ExecutorError, ExecutorRejected
from boifi_core.observers.trace_sources.base import Collected
from boifi_core.observers.trace_sources.config import BackendConfig
from boifi_core.observers.trace_sources.dialect import Dialect, Found
from boifi_core.observers.window import Outcome, stand_ins
from boifi_core.traces import Span
from boifi_core.traces.record import Record
from boifi_core.traces.tidy import tidy
from boifi_core.wire.http import Answer, Wire

_CANDIDATES = 5
"""Requests of a kind whose traces are tried: a backend may have sampled some away."""

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_UNWHOLE_PATIENCE = 3
"""So many times `quiet_s` without a new span, and a trace is taken that has no root or lacks a parent."""

_CLOCKS_NS = 500_000_000
"""By so much the clocks of the probe and of the entry service may differ where traces are looked for by time."""


@dataclass(slots=True)
class _Kind:
    """What is known of one kind of request while its trace is waited for."""

    name: str
    preferred: Sequence[Outcome]
    outcome: Outcome | None = None
    trace_id: str | None = None
    records: Sequence[Record] = ()
    changed_at: float = 0.0
    tries: int = 0
    done: bool = False


@dataclass(slots=True)
class _Round:
    """One `collect`: what is waited for, until when, and what went wrong last."""

    kinds: Sequence[_Kind]
    deadline: float
    error: ExecutorError | None = None


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
        self._dialect = dialect
        self._wire = Wire(config)

    def headers(self, trace_id: bytes, parent_id: bytes) -> Mapping[str, str]:
        """See `TraceSource`; B3 too, which Envoy's and Zipkin's own tracers know instead of `traceparent`."""
        return {"X-B3-TraceId": trace_id.hex(), "X-B3-SpanId": parent_id.hex(), "X-B3-Sampled": "1"}

    def reserved_s(self, timeout_s: float) -> float:
        """See `TraceSource`."""
        return min(self._config.wait_s, timeout_s / 2)

    def collect(self, wanted: Mapping[str, Sequence[Outcome]], *, limit_s: float) -> Collected:
        """See `TraceSource`.

        A trace is whole when its root is there, no parent is missing, and no span came to it for `quiet_s`. Where a
        root or a parent stays away, it is taken after three times that.
        """
        kinds = [_Kind(name, stand_ins(outcomes)[:_CANDIDATES]) for name, outcomes in wanted.items() if outcomes]
        round_ = _Round(kinds, time.monotonic() + limit_s)
        pause_s = _FIRST_PAUSE_S
        while True:
            self._ask(round_)
            left_s = round_.deadline - time.monotonic()
            if left_s <= 0 or all(kind.done for kind in kinds) or isinstance(round_.error, ExecutorRejected):
                return self._collected(round_)
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """See `TraceSource`."""
        self._wire.close()

    def _collected(self, round_: _Round) -> Collected:
        traces: dict[str, Sequence[Span]] = {}
        reasons = []
        # What went wrong on the way is no reason where all is there in the end.
        if round_.error is not None and not all(kind.done for kind in round_.kinds):
            reasons.append(f"traces: {round_.error}")
        for kind in round_.kinds:
            if not kind.records:
                continue
            if not kind.done:
                reasons.append(f"traces: the trace of {kind.name} may not be whole: spans were still coming")
            try:
                traces[kind.name] = tidy(kind.records)
            except ValueError as error:
                reasons.append(f"traces: the trace of {kind.name} {error}")
        return Collected(traces, reasons)

    def _ask(self, round_: _Round) -> None:
        """Ask once for every trace that is not whole; a refusal ends it, since repeating cannot help."""
        if self._config.service is not None:
            self._try(round_, lambda: self._look_for(round_))
        for kind in round_.kinds:
            if time.monotonic() >= round_.deadline or isinstance(round_.error, ExecutorRejected):
                return
            if kind.trace_id is None and self._config.service is None:
                # In turn, and the first that is there is kept to.
                kind.outcome = kind.preferred[kind.tries % len(kind.preferred)]
                kind.tries += 1
            trace_id = kind.trace_id or (kind.outcome.trace_id.hex() if kind.outcome else None)
            if not kind.done and trace_id is not None:
                self._try(round_, partial(self._fetch, kind, trace_id, round_.deadline))

    def _try(self, round_: _Round, ask: Callable[[], None]) -> None:
        try:
            ask()
        except ExecutorError as error:
            round_.error = error

    def _fetch(self, kind: _Kind, trace_id: str, deadline: float) -> None:
        records = self._records(trace_id, deadline)
        now = time.monotonic()
        if not records:
            return
        if len(records) != len(kind.records):
            kind.changed_at = now
        kind.trace_id, kind.records = trace_id, records
        patience = 1 if _is_whole(records, kind.outcome) else _UNWHOLE_PATIENCE
        kind.done = now - kind.changed_at >= patience * self._config.quiet_s

    def _records(self, trace_id: str, deadline: float) -> list[Record]:
        """The trace's spans, none if it is not there."""
        for version, path in enumerate(self._dialect.paths(trace_id)):
            answer = self._get(path, deadline)
            if answer.status == 404:
                continue
            try:
                return [record for record in self._dialect.records(answer.value()) if record.id is not None]
            except ExecutorBadAnswer:
                if version == 0:
                    raise
                # A server that lacks this version of the API may answer with its web page.
        return []

    def _look_for(self, round_: _Round) -> None:
        """Give each kind without a trace the one that fits one of its requests best by time."""
        kinds = [kind for kind in round_.kinds if kind.trace_id is None]
        if not kinds:
            return
        outcomes = [each for kind in kinds for each in kind.preferred]
        from_ns = min(each.started_ns for each in outcomes) - _CLOCKS_NS
        to_ns = max(each.ended_ns for each in outcomes) + _CLOCKS_NS
        answer = self._get(self._dialect.search(self._config.service or "", from_ns, to_ns), round_.deadline)
        found = [] if answer.status == 404 else self._dialect.found(answer.value())
        taken = {kind.trace_id for kind in round_.kinds}
        for kind in kinds:
            free = [each for each in found if each.trace_id not in taken]
            # A request's path in the name of the root tells kinds apart that run at the same time.
            named = [each for each in free if kind.preferred[0].path in each.operation] or free
            for outcome in kind.preferred:
                best = min(named, key=lambda each: _misfit(each, outcome), default=None)
                if best is not None and _misfit(best, outcome) < _CLOCKS_NS:
                    kind.trace_id, kind.outcome = best.trace_id, outcome
                    taken.add(best.trace_id)
                    break

    def _get(self, path: str, deadline: float) -> Answer:
        timeout_s = max(0.05, min(self._config.timeout_s, deadline - time.monotonic()))
        return self._wire.call("GET", path, timeout_s=timeout_s, expected=(404,))


def _is_whole(records: Sequence[Record], outcome: Outcome | None) -> bool:
    """Whether a root is there, and every parent but that of the probe's request."""
    ids = {record.id for record in records}
    ours = None if outcome is None else outcome.parent_id.hex()
    outside = [record.parent_id for record in records if record.parent_id not in ids]
    return bool(outside) and all(parent is None or parent == ours for parent in outside)


def _misfit(found: Found, outcome: Outcome) -> int:
    """How far off the trace's root begins and ends from the request, nanoseconds."""
    off_ns = abs(found.start_ns - outcome.started_ns)
    if found.duration_ms is None:
        return off_ns
    return off_ns + abs(round((found.duration_ms - outcome.latency_ms) * 1e6))
