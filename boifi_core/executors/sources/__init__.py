"""Where the probe's traces come from, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from boifi_core.executors.config import BackendConfig, ReceiverConfig, TracesConfig
from boifi_core.executors.sources.backend import Backend
from boifi_core.executors.sources.base import Collected, TraceSource
from boifi_core.executors.sources.jaeger import JAEGER
from boifi_core.executors.sources.receiver import ReceivedTraces
from boifi_core.executors.sources.tempo import TEMPO
from boifi_core.executors.sources.zipkin import ZIPKIN

__all__ = ["SOURCES", "Collected", "SourceKind", "TraceSource", "open_source"]


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


def open_source(config: TracesConfig) -> TraceSource:
    """The source that the config names.

    Raises:
        InvalidInput: the port is in use, the token's variable is not set, or `ca_file` holds no certificates.
    """
    return SOURCES[config.type].open(config)
