"""What every injector promises, and what a session file says of each: `executor`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BeforeValidator, Field

from boifi_core.faults.plan import FaultPlan
from boifi_core.faults.sending import Sending
from boifi_core.value import KindConfig
from boifi_core.wire.endpoint import EndpointConfig

LONGEST_SETTLE_S = 300.0

_Settle = Literal["auto"] | Annotated[float, Field(ge=0, le=LONGEST_SETTLE_S)]


def _auto_or_seconds(written: Any) -> Any:
    is_seconds = isinstance(written, (int, float)) and not isinstance(written, bool)
    if written != "auto" and not (is_seconds and 0 <= written <= LONGEST_SETTLE_S):
        raise ValueError(f"must be auto, or 0..{LONGEST_SETTLE_S:g} seconds")
    return written


class ExecutorConfig(KindConfig, EndpointConfig):
    """How to reach the injector; an injector that needs more has a subclass of this in its table entry.

    `settle_s` is how long a fault takes to take hold once the injector has taken it, and to let go once it is removed,
    seconds; `auto` has it measured with one fault when the session begins.
    """

    section: ClassVar[str] = "executor"

    type: str = "hfi"
    settle_s: Annotated[_Settle, BeforeValidator(_auto_or_seconds)] = Field(
        default="auto", exclude_if=lambda settle_s: settle_s == "auto"
    )


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
        """Remove the policy; one that is already gone counts as removed.

        That it is removed is read from what the answer says: whatever stands in front may answer 200 to anything.
        """

    def list(self, *, timeout_s: float) -> list[str]:
        """The names of all active policies, ours or not."""

    def health(self, *, timeout_s: float) -> None:
        """Return if the injector can take policies; raise an `ExecutorError` that says why if not."""

    def close(self) -> None:
        """Give back connections; the injector is not used after."""
