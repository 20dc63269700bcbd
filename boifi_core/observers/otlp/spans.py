"""Spans as they arrive, by trace, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from boifi_core.observers.window import lateness_s
from boifi_core.traces import fields
from boifi_core.traces.outcome import told_by
from boifi_core.traces.record import ATTRIBUTES, KINDS, Record

_MOST_TAKEN = 5_000
"""Traces that are remembered after they were taken, so that what comes later is known to be late."""

_MOST_LATE = 1_000

_BREATH_S = 0.005
"""Spans come many exports at a time: those of so long are looked at together."""


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
            why=told_by(span.status.message, map(_exception, span.events)),
        )


def _exception(event: Any) -> tuple[str | None, str | None]:
    told = {pair.key: fields.text(_plain(pair.value)) for pair in event.attributes}
    return told.get("exception.type"), told.get("exception.message")


def _plain(value: Any) -> str | int | float | bool:
    which = value.WhichOneof("value")
    if which in ("string_value", "int_value", "double_value", "bool_value"):
        plain: str | int | float | bool = getattr(value, which)
        return plain
    if which == "array_value" and value.array_value.values:
        return _plain(value.array_value.values[0])
    return ""


@dataclass(slots=True)
class Trace:
    """What has come of one trace.

    Attributes:
        spans: service and span, as bytes: so they take a quarter of the memory.
        links: of each span its id, and its parent's, None for a root.
        came: by service, when its latest spans came (`time.monotonic`), and the latest end of these, nanoseconds since
            the epoch by the service's own clock.
    """

    spans: list[tuple[str, bytes]] = field(default_factory=list)
    links: set[tuple[bytes, bytes | None]] = field(default_factory=set)
    came: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, received: ReceivedSpan, now: float) -> None:
        """Take in a span that came now."""
        span = received.span
        self.spans.append((received.service, span.SerializeToString()))
        self.links.add((span.span_id, span.parent_span_id or None))
        came, end_ns = self.came.get(received.service, (0.0, 0))
        self.came[received.service] = now, max(span.end_time_unix_nano, end_ns if came == now else 0)


@dataclass(frozen=True, slots=True)
class Late:
    """A span that came after its trace was taken: whose it is, and how late it was."""

    service: str
    late_s: float


class SpanStore:
    """Spans by trace id, for one reader and any number of writers.

    Args:
        max_spans: more than this are never held; the trace that came first goes first.
    """

    def __init__(self, max_spans: int = 20_000) -> None:
        self._max_spans = max_spans
        self._traces: OrderedDict[bytes, Trace] = OrderedDict()
        self._held = 0
        self._taken: OrderedDict[bytes, float | None] = OrderedDict()
        self._late: deque[Late] = deque(maxlen=_MOST_LATE)
        self._arrived = threading.Condition()

    def add(self, spans: Iterable[ReceivedSpan]) -> None:
        """Take spans in and wake whoever waits for them; those of a trace that was taken already come too late."""
        with self._arrived:
            now = time.monotonic()
            for received in spans:
                trace_id = received.span.trace_id
                if trace_id in self._taken:
                    if (over_at := self._taken[trace_id]) is not None:
                        late_s = lateness_s(now, over_at, received.span.end_time_unix_nano)
                        self._late.append(Late(received.service, late_s))
                    continue
                self._traces.setdefault(trace_id, Trace()).add(received, now)
                self._held += 1
                while self._held > self._max_spans:
                    gone, oldest = self._traces.popitem(last=False)
                    self._held -= len(oldest.spans)
                    self._remember(gone, None)
            self._arrived.notify_all()

    def wait_until(self, over_at: Callable[[Mapping[bytes, Trace]], float]) -> None:
        """Wait until the moment that `over_at` tells, on the clock of `time.monotonic`.

        Args:
            over_at: is asked anew whenever spans came, with the traces as they then are; nobody changes them meanwhile.
        """
        while True:
            with self._arrived:
                left_s = over_at(self._traces) - time.monotonic()
                if left_s <= 0:
                    return
                self._arrived.wait(left_s)
            time.sleep(_BREATH_S)

    def take(self, trace_ids: Iterable[bytes], *, over_at: float | None = None) -> dict[bytes, list[ReceivedSpan]]:
        """Remove these traces and return those of them that have any span.

        Args:
            over_at: when their requests were over, on the clock of `time.monotonic`; None: now.
        """
        taken = {}
        with self._arrived:
            over_at = time.monotonic() if over_at is None else over_at
            for trace_id in trace_ids:
                trace = self._traces.pop(trace_id, None)
                self._remember(trace_id, over_at)
                if trace is not None:
                    self._held -= len(trace.spans)
                    taken[trace_id] = trace
        return {
            trace_id: [ReceivedSpan(service, OtlpSpan.FromString(span)) for service, span in trace.spans]
            for trace_id, trace in taken.items()
        }

    def take_late(self) -> list[Late]:
        """What came too late since this was last asked."""
        with self._arrived:
            late = list(self._late)
            self._late.clear()
        return late

    def let_go(self, trace_ids: Iterable[bytes]) -> int:
        """How many of these traces had to go, since too many spans came; those of others' requests are no loss."""
        return sum(self._taken.get(trace_id, 0.0) is None for trace_id in trace_ids)

    def __len__(self) -> int:
        """How many spans are held."""
        return self._held

    def _remember(self, trace_id: bytes, over_at: float | None) -> None:
        self._taken[trace_id] = over_at
        while len(self._taken) > _MOST_TAKEN:
            self._taken.popitem(last=False)
