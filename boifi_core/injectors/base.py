"""What every injector promises, and what a session file says of each: `executor`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from boifi_core.faults.plan import FaultPlan
from boifi_core.faults.sending import Sending
from boifi_core.value import KindConfig
from boifi_core.wire.endpoint import EndpointConfig


class ExecutorConfig(KindConfig, EndpointConfig):
    """How to reach the injector; an injector that needs more has a subclass of this in its table entry."""

    section: ClassVar[str] = "executor"

    type: str = "hfi"


@dataclass(frozen=True)
class Capabilities:
    """What an injector can express; a space that asks for more is refused before anything starts.

    Attributes:
        fault_types: the kinds that it can inject.
        max_delay_ms: the longest delay, milliseconds.
        parameters: whether it reads `FaultPlan.parameters`.
        error_message: whether it can set the message of an injected error; if not, it is dropped with a warning.
        sending: how it changes faults on their way.
    """

    fault_types: frozenset[str]
    max_delay_ms: int
    parameters: bool = False
    error_message: bool = False
    sending: Sending = field(default_factory=Sending)


class Injector(Protocol):
    """Puts faults in force and takes them away."""

    capabilities: Capabilities

    def as_sent(self, plan: FaultPlan) -> FaultPlan:
        """The plan as this injector will send it: rounded, and without what it drops. What is sent is recorded."""

    def apply(self, name: str, plan: FaultPlan, *, timeout_s: float) -> None:
        """Put `plan` in force under `name`; repeating it is harmless.

        Args:
            name: the policy's name, `boifi-<8 of the session>-<trial>[-<n>]`.
            plan: as `as_sent` gave it, with `duration_seconds` set: it ends by itself after that.
            timeout_s: limit for the whole call, seconds, > 0.

        Raises:
            ExecutorUnreachable, ExecutorTimedOut: repeating is harmless and may help.
            ExecutorRejected: refused; repeating cannot help.
        """

    def clear(self, name: str, *, timeout_s: float) -> None:
        """Remove the policy; one that is already gone counts as removed."""

    def list(self, *, timeout_s: float) -> list[str]:
        """The names of all active policies, ours or not."""

    def health(self, *, timeout_s: float) -> None:
        """Return if the injector can take policies; raise an `ExecutorError` that says why if not."""

    def close(self) -> None:
        """Give back connections; the injector is not used after."""
