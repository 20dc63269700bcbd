"""Where the probe's traces come from, as the session file says it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from boifi_core.value import KindConfig
from boifi_core.wire.endpoint import EndpointConfig

MOST_TRACES = 100
"""Requests of a window whose traces are looked at; where a backend is asked, each costs a question."""


class TracesConfig(KindConfig):
    """Where the probe's traces come from; each kind of source has a subclass with its own fields in its table entry."""

    type: str = "otlp"

    def connects_to(self) -> Iterable[tuple[str, str]]:
        """All that it connects to: field within `observer.traces`, and URL."""
        return ()


class WaitingConfig(TracesConfig):
    """How long the traces of an observation are waited for.

    `wait_s` is the longest, `quiet_s` how long no span may have come before none is expected: longer than the longest
    interval in which a service, or a collector before it, sends its batches; OpenTelemetry's SDKs send every 5 s. The
    first observations wait so long; those after them no longer than spans were seen to take. Of an observation's
    requests the traces of `most` are looked at.
    """

    wait_s: float = Field(default=15.0, gt=0, le=3_600)
    quiet_s: float = Field(default=6.0, ge=0, le=3_600)
    most: int = Field(default=MOST_TRACES, ge=1, le=10_000)


class ReceiverConfig(WaitingConfig):
    """Spans arrive as OTLP over HTTP at `/v1/traces` of this address; port 0 takes a free one."""

    host: str = Field(default="127.0.0.1", max_length=255)
    port: int = Field(default=4318, ge=0, le=65535)


class BackendConfig(EndpointConfig, WaitingConfig):
    """Traces are fetched from a tracing backend.

    `service` is for a mesh that gives its requests trace ids of its own: the trace is then looked for among those of
    this service, its entry, by name and time.
    """

    section: ClassVar[str] = "observer.traces"

    timeout_s: float = Field(default=5.0, gt=0, le=3_600)
    service: str | None = Field(default=None, min_length=1, max_length=200)
