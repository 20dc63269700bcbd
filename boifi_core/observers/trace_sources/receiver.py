"""Traces that the mesh sends to BOIFI's own OTLP receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from boifi_core.observers.otlp.receiver import OtlpReceiver
from boifi_core.observers.otlp.spans import ReceivedSpan
from boifi_core.observers.trace_sources.base import Collected
from boifi_core.observers.trace_sources.config import ReceiverConfig
from boifi_core.observers.window import Outcome, stand_ins
from boifi_core.traces import Span
from boifi_core.traces.tidy import tidy

_SETTLE_S = 0.25


class ReceivedTraces:
    """`TraceSource` of an OTLP receiver.

    Args:
        receiver: where the spans arrive.
        owned: whether `close` closes it.
    """

    def __init__(self, receiver: OtlpReceiver, *, owned: bool = False) -> None:
        self.receiver = receiver
        self._owned = owned

    @classmethod
    def listening(cls, config: ReceiverConfig) -> ReceivedTraces:
        """With a receiver of its own; raises `InvalidInput` if the port is in use."""
        return cls(OtlpReceiver(config.port, config.host), owned=True)

    def headers(self, trace_id: bytes, parent_id: bytes) -> Mapping[str, str]:
        """See `TraceSource`."""
        return {}

    def reserved_s(self, timeout_s: float) -> float:
        """See `TraceSource`."""
        return min(_SETTLE_S, timeout_s / 10)

    def collect(self, wanted: Mapping[str, Sequence[Outcome]], *, limit_s: float) -> Collected:
        """See `TraceSource`; the spans of all these requests are then held no longer."""
        outcomes = [each for kind in wanted.values() for each in kind]
        store = self.receiver.store
        store.settle({each.trace_id: each.parent_id for each in outcomes if each.answered}, limit_s=limit_s)
        held = store.take([each.trace_id for each in outcomes])
        traces, reasons = {}, []
        for kind, typical_first in wanted.items():
            chosen = (held[each.trace_id] for each in stand_ins(typical_first) if each.trace_id in held)
            received = next(chosen, None)
            if received is not None:
                try:
                    traces[kind] = _spans(received)
                except ValueError as error:
                    reasons.append(f"traces: the trace of {kind} {error}")
        return Collected(traces, reasons)

    def close(self) -> None:
        """See `TraceSource`."""
        if self._owned:
            self.receiver.close()


def _spans(received: Sequence[ReceivedSpan]) -> list[Span]:
    return tidy(each.record() for each in received)
