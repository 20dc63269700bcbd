"""One operation of a trace."""

from __future__ import annotations

from typing import NamedTuple

MAX_SPANS = 20_000
"""Most spans of a trace that are read."""

SENDERS = frozenset(("client", "producer"))
"""The kinds of span that tell of what was asked of others."""

RECEIVERS = frozenset(("server", "consumer"))
"""The kinds of span that tell of what was asked by others."""


class Span(NamedTuple):  # a frozen dataclass takes three times as long to make, and a trace has thousands
    """One operation of a trace; what its format did not say is None.

    Attributes:
        id: tells it from the others of its trace.
        name: what was done, without ids: `service:operation` where the format tells the service.
        duration_ms: finite and >= 0; None where it was missing or anything else.
        is_error: it failed, by its own status or with an HTTP status of 500 or above.
        parent_id: the span that it was called by; that one may be missing from the trace.
        service: who did it.
        kind: OpenTelemetry's, in lower case: `client`, `server`, `producer`, `consumer`, `internal`, `unspecified`.
        status_code: that of HTTP; 0 where a caller got none.
        start_ms: after the trace's first span.
        flags: Envoy's response flags (`UT`, `FI`).
        peer: whom it says it talks with, if it sent or passed on what was asked.
        asked: what it says was asked, in its protocol's words (`GET /cart`, `SELECT orders`), without ids.
        error: how it failed, in a word of its protocol (`DEADLINE_EXCEEDED`, `timeout`).
        is_proxy: it is a proxy's, which passes on what others ask.
    """

    id: str | None
    name: str
    duration_ms: float | None
    is_error: bool
    parent_id: str | None = None
    service: str | None = None
    kind: str | None = None
    status_code: int | None = None
    start_ms: float | None = None
    flags: str | None = None
    peer: str | None = None
    asked: str | None = None
    error: str | None = None
    is_proxy: bool = False

    @property
    def operation(self) -> str:
        """What tells this operation from others: the service, where known and not said already, and the name."""
        if not self.service or self.name.startswith(f"{self.service}:"):
            return self.name
        return f"{self.service} {self.name}"

    @property
    def end_ms(self) -> float | None:
        """After the trace's first span."""
        return None if self.start_ms is None or self.duration_ms is None else self.start_ms + self.duration_ms
