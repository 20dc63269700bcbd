"""One operation of a trace."""

from __future__ import annotations

from typing import NamedTuple

MAX_SPANS = 20_000
"""Most spans of a trace that are read."""


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

    @property
    def operation(self) -> str:
        """What tells this operation from others: the service, where known and not said already, and the name."""
        if not self.service or self.name.startswith(f"{self.service}:"):
            return self.name
        return f"{self.service} {self.name}"
