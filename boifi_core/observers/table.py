"""What watches the target, by name.

A new observer is a file or folder beside `probe.py`, with a class that keeps the promises of `base.Observer` and a
config of its own where it needs one, and a line in `OBSERVERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from boifi_core.errors import InvalidInput
from boifi_core.observers.base import Observer, ObserverConfig
from boifi_core.observers.hfi import HfiObserver
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig
from boifi_core.value import KindConfig, of_kind


@dataclass(frozen=True)
class ObserverKind:
    """An entry in the table: the model of its part of the session file, and what opens it.

    `open` is given the injector's config and its own.
    """

    config: type[ObserverConfig]
    open: Callable[[Any, Any], Observer]


OBSERVERS: dict[str, ObserverKind] = {
    "hfi": ObserverKind(ObserverConfig, lambda executor, observer: HfiObserver(executor)),
    "probe": ObserverKind(ProbeConfig, lambda executor, observer: Probe(observer)),
}
"""Observers by `observer.type`."""

AnyObserverConfig = Annotated[ObserverConfig, of_kind(OBSERVERS)]
"""What a session file says under `observer`, by its kind."""


def open_observer(executor: KindConfig, observer: ObserverConfig | None = None) -> Observer:
    """The observer that the session file names, else the injector's own.

    Raises:
        InvalidInput: as `open_injector`; the port for traces is in use; the injector has no observer of its own.
    """
    name = executor.type if observer is None else observer.type
    if name not in OBSERVERS:
        raise InvalidInput("observer.type", f"must be given with the executor {executor.type}", None)
    return OBSERVERS[name].open(executor, observer)
