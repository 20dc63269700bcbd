"""Spans as they arrive, by trace, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from boifi_core.traces import fields
from boifi_core.traces.record import ATTRIBUTES, KINDS, Record


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span and the service whose resource it came with."""

    service: str
    span: OtlpSpan

    def record(self) -> Record:
        """As the span of a trace."""
        span = self.span
        timed = span.start_time_unix_nano and span.end_time_unix_nano
        return Record(
            trace_id=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex() or None,
            service=fields.text(self.service),
            operation=span.name,
            kind=KINDS[span.kind] if 0 <= span.kind < len(KINDS) else KINDS[0],
            start_ns=span.start_time_unix_nano or None,
            duration_ns=max(0, span.end_time_unix_nano - span.start_time_unix_nano) if timed else None,
            failed=span.status.code == Status.STATUS_CODE_ERROR,
            attributes={pair.key: _plain(pair.value) for pair in span.attributes if pair.key in ATTRIBUTES},
            links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        )


def _plain(value: Any) -> str | int | float | bool:
    which = value.WhichOneof("value")
    if which in ("string_value", "int_value", "double_value", "bool_value"):
        plain: str | int | float | bool = getattr(value, which)
        return plain
    if which == "array_value" and value.array_value.values:
        return _plain(value.array_value.values[0])
    return ""


@dataclass(slots=True)
class _Trace:
    spans: list[tuple[str, bytes]] = field(default_factory=list)  # as bytes they take a quarter of the memory
    parents: set[bytes] = field(default_factory=set)
    latest: float = 0.0


class SpanStore:
    """Spans by trace id, for one reader and any number of writers.

    Args:
        max_spans: more than this are never held; the trace that came first goes first.
    """

    def __init__(self, max_spans: int = 20_000) -> None:
        self._max_spans = max_spans
        self._traces: OrderedDict[bytes, _Trace] = OrderedDict()
        self._held = 0
        self._arrived = threading.Condition()

    def add(self, spans: Iterable[ReceivedSpan]) -> None:
        """Take spans in and wake whoever waits for them."""
        with self._arrived:
            now = time.monotonic()
            for received in spans:
                trace = self._traces.setdefault(received.span.trace_id, _Trace())
                trace.spans.append((received.service, received.span.SerializeToString()))
                trace.parents.add(received.span.parent_span_id)
                trace.latest = now
                self._held += 1
                while self._held > self._max_spans:
                    _, oldest = self._traces.popitem(last=False)
                    self._held -= len(oldest.spans)
            self._arrived.notify_all()

    def settle(self, roots: Mapping[bytes, bytes], *, quiet_s: float = 0.03, limit_s: float = 0.25) -> bool:
        """Wait until the traces are whole, as far as one can tell: every root is in and nothing came for a while.

        Args:
            roots: trace id to the parent span id that its root carries.
            quiet_s: how long no span of these traces may have come, seconds.
            limit_s: the longest wait, seconds.

        Returns:
            Whether every root is in.
        """
        deadline = time.monotonic() + limit_s
        with self._arrived:
            while True:
                traces = [self._traces.get(trace_id) for trace_id in roots]
                whole = all(
                    trace is not None and parent in trace.parents
                    for trace, parent in zip(traces, roots.values(), strict=True)
                )
                now = time.monotonic()
                latest = max((trace.latest for trace in traces if trace is not None), default=now)
                end = min(deadline, latest + quiet_s) if whole else deadline
                if now >= end:
                    return whole
                self._arrived.wait(end - now)

    def take(self, trace_ids: Iterable[bytes]) -> dict[bytes, list[ReceivedSpan]]:
        """Remove these traces and return those of them that have any span."""
        taken = {}
        with self._arrived:
            for trace_id in trace_ids:
                trace = self._traces.pop(trace_id, None)
                if trace is not None:
                    self._held -= len(trace.spans)
                    taken[trace_id] = trace
        return {
            trace_id: [ReceivedSpan(service, OtlpSpan.FromString(span)) for service, span in trace.spans]
            for trace_id, trace in taken.items()
        }

    def __len__(self) -> int:
        """How many spans are held."""
        return self._held
