"""What injects faults, by name.

A new injector is a file or folder beside `hfi/`, with a class that keeps the promises of `base.Injector` and a config
of its own where it needs one, and a line in `INJECTORS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from boifi_core.faults.sending import Sending
from boifi_core.injectors.base import Capabilities, ExecutorConfig, Injector
from boifi_core.injectors.hfi.injector import HfiInjector
from boifi_core.value import of_kind


@dataclass(frozen=True)
class InjectorKind:
    """An entry in the table: the model of its part of the session file, what opens it with that, and what it can do."""

    config: type[ExecutorConfig]
    open: Callable[[Any], Injector]
    capabilities: Capabilities | None = None


INJECTORS: dict[str, InjectorKind] = {
    "hfi": InjectorKind(ExecutorConfig, HfiInjector, HfiInjector.capabilities),
}
"""Injectors by `executor.type`."""

AnyExecutorConfig = Annotated[ExecutorConfig, of_kind(INJECTORS, default="hfi")]
"""What a session file says under `executor`, by its kind."""


def sending_of(config: ExecutorConfig) -> Sending:
    """How the injector that the config names changes faults on their way."""
    known = INJECTORS[config.type].capabilities
    return Sending() if known is None else known.sending


def open_injector(config: ExecutorConfig) -> Injector:
    """The injector that the config names.

    Raises:
        InvalidInput: the token's variable is not set, or `ca_file` holds no certificates.
    """
    return INJECTORS[config.type].open(config)
