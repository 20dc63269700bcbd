"""Where the probe's traces come from, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from boifi_core.observers.trace_sources.backend import Backend
from boifi_core.observers.trace_sources.base import TraceSource
from boifi_core.observers.trace_sources.config import BackendConfig, ReceiverConfig, TracesConfig
from boifi_core.observers.trace_sources.jaeger import JAEGER
from boifi_core.observers.trace_sources.receiver import ReceivedTraces
from boifi_core.observers.trace_sources.tempo import TEMPO
from boifi_core.observers.trace_sources.zipkin import ZIPKIN
from boifi_core.value import of_kind


@dataclass(frozen=True)
class SourceKind:
    """An entry in the table: the model of its part of the session file, and what opens it."""

    config: type[TracesConfig]
    open: Callable[[Any], TraceSource]


SOURCES: dict[str, SourceKind] = {
    "otlp": SourceKind(ReceiverConfig, ReceivedTraces.listening),
    "jaeger": SourceKind(BackendConfig, lambda config: Backend(config, JAEGER)),
    "tempo": SourceKind(BackendConfig, lambda config: Backend(config, TEMPO)),
    "zipkin": SourceKind(BackendConfig, lambda config: Backend(config, ZIPKIN)),
}
"""Trace sources by `observer.traces.type`."""

AnyTracesConfig = Annotated[TracesConfig, of_kind(SOURCES, default="otlp")]
"""What a session file says under `observer.traces`, by its kind."""


def open_source(config: TracesConfig) -> TraceSource:
    """The source that the config names.

    Raises:
        InvalidInput: the port is in use, the token's variable is not set, or `ca_file` holds no certificates.
    """
    return SOURCES[config.type].open(config)
