"""What injects faults and what watches the target, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from boifi_core.errors import InvalidInput
from boifi_core.executors.base import Capabilities, Injector, Observer
from boifi_core.executors.config import ExecutorConfig, ObserverConfig, ProbeConfig, RequestConfig, TracesConfig
from boifi_core.executors.hfi import HfiInjector, HfiObserver
from boifi_core.executors.otlp import OtlpReceiver
from boifi_core.executors.probe import Probe

__all__ = [
    "INJECTORS",
    "OBSERVERS",
    "Capabilities",
    "ExecutorConfig",
    "Injector",
    "Kind",
    "Observer",
    "ObserverConfig",
    "OtlpReceiver",
    "Probe",
    "ProbeConfig",
    "RequestConfig",
    "TracesConfig",
    "open_injector",
    "open_observer",
]

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class Kind(Generic[Opened]):
    """An entry in a table: the model of its part of the session file, and what opens it."""

    config: type[ExecutorConfig | ObserverConfig]
    open: Callable[..., Opened]


INJECTORS: dict[str, Kind[Injector]] = {
    "hfi": Kind(ExecutorConfig, HfiInjector),
}
"""Injectors by `executor.type`; each is opened with its config."""

OBSERVERS: dict[str, Kind[Observer]] = {
    "hfi": Kind(ObserverConfig, lambda executor, observer: HfiObserver(executor)),
    "probe": Kind(ProbeConfig, lambda executor, observer: Probe(observer)),
}
"""Observers by `observer.type`; each is opened with the injector's config and its own."""


def open_injector(config: ExecutorConfig) -> Injector:
    """The injector that the config names.

    Raises:
        InvalidInput: the token's variable is not set, or `ca_file` holds no certificates.
    """
    return INJECTORS[config.type].open(config)


def open_observer(executor: ExecutorConfig, observer: ObserverConfig | None = None) -> Observer:
    """The observer that the session file names, else the injector's own.

    Raises:
        InvalidInput: as `open_injector`; the port for traces is in use; the injector has no observer of its own.
    """
    name = executor.type if observer is None else observer.type
    if name not in OBSERVERS:
        raise InvalidInput("observer.type", f"must be given with the executor {executor.type}", None)
    return OBSERVERS[name].open(executor, observer)
