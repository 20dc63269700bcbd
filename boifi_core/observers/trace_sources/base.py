"""The interface to where traces come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from boifi_core.observers.window import Outcome
from boifi_core.traces import Span


@dataclass(frozen=True)
class Collected:
    """The traces of one window.

    Attributes:
        traces: for each kind of request one, where there was any span of it.
        fetched: these, and those of other requests: of `most` at most, chosen by `spread`.
        reasons: why these may not be all, or not whole; one line each.
    """

    traces: Mapping[str, Sequence[Span]]
    reasons: Sequence[str] = field(default=())
    fetched: Sequence[Sequence[Span]] = field(default=())


class TraceSource(Protocol):
    """Brings the traces of requests that were sent."""

    def headers(self, trace_id: bytes, parent_id: bytes) -> Mapping[str, str]:
        """What a request carries besides `traceparent`, so that its spans get these ids."""

    def reserved_s(self, timeout_s: float) -> float:
        """How much of an observation that may take `timeout_s` is kept for `collect`, both seconds."""

    def collect(self, wanted: Mapping[str, Sequence[Outcome]], *, limit_s: float) -> Collected:
        """Wait until the traces are whole, as far as one can tell, and bring them.

        A source that fails brings what it can and says why; it raises nothing.

        Args:
            wanted: by kind all requests that were sent, those first whose traces stand best for it.
            limit_s: the longest wait, seconds.
        """

    def news(self) -> Sequence[str]:
        """See `Observer`."""

    def close(self) -> None:
        """Give back ports and connections; the source is not used after."""
