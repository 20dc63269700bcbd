"""What happens in sessions, as one stream of typed events, and the handlers that listen to it.

A handler is a function of one event; it picks those that it is for. None can break a trial off: what goes wrong in one
is logged, and the others are told all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from boifi_core.models import RawObservation, SessionState, SeverityScore, Trial
from boifi_core.session.proposal import Proposal

_log = logging.getLogger("boifi.events")


@dataclass(frozen=True)
class Event:
    """Something that happened in a session."""

    session_id: str


@dataclass(frozen=True)
class Began(Event):
    """A process runs the session from here on."""


@dataclass(frozen=True)
class BaselineSeen(Event):
    """The target without a fault, and its median severity."""

    observation: RawObservation
    severity: float


@dataclass(frozen=True)
class PhaseRemark(Event):
    """A phase is left out, or over though it has not done all; `why` says which, and why."""

    phase: str
    why: str


@dataclass(frozen=True)
class Proposed(Event):
    """What the next trial tries."""

    trial: int
    proposal: Proposal


@dataclass(frozen=True)
class InForce(Event):
    """The policies of a trial are applied."""

    trial: int
    policies: Sequence[str]


@dataclass(frozen=True)
class Observed(Event):
    """What was seen of the target while they were."""

    trial: int
    observation: RawObservation


@dataclass(frozen=True)
class Scored(Event):
    """How bad that was."""

    trial: int
    score: SeverityScore


@dataclass(frozen=True)
class Recorded(Event):
    """A trial is in the history."""

    trial: Trial


@dataclass(frozen=True)
class Waiting(Event):
    """The session waits, and for what."""

    text: str


@dataclass(frozen=True)
class StopAsked(Event):
    """Somebody asked by a signal for the session to end; it may be told of while something else is."""


@dataclass(frozen=True)
class ControlMissing(Event):
    """A trial goes without its fault-free run, and why."""

    trial: int
    why: str


@dataclass(frozen=True)
class SweepFailed(Event):
    """The sweep at the session's end removed not all that it should have, and why."""

    why: str


@dataclass(frozen=True)
class Note(Event):
    """Anything else worth a line; `is_warning` where something may be wrong."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Settled(Note):
    """How long faults take to take hold and to let go; a warning where that could not be seen."""


@dataclass(frozen=True)
class Ended(Event):
    """The session is over; its report is written."""

    state: SessionState


@dataclass(frozen=True)
class Changed(Event):
    """Something that others see of the session has changed, or it is gone."""


@dataclass(frozen=True)
class Asked(Event):
    """Somebody asked the service for something: `action` says what was done, `caller` for whom."""

    action: str
    caller: str
    more: Mapping[str, Any] = field(default_factory=dict)


Handler = Callable[[Event], None]

_handlers: ContextVar[tuple[Handler, ...]] = ContextVar("handlers", default=())


@contextmanager
def listening(*handlers: Handler) -> Iterator[None]:
    """Let these listen too to the sessions that are opened here, for as long as this lasts."""
    token = _handlers.set((*_handlers.get(), *handlers))
    try:
        yield
    finally:
        _handlers.reset(token)


class Stream:
    """Tells all handlers of each event, in their order."""

    def __init__(self, *handlers: Handler) -> None:
        self._handlers = list(handlers)
        self._hung_up: SystemExit | None = None

    @classmethod
    def here(cls) -> Stream:
        """To those that listen here."""
        return cls(*_handlers.get())

    def add(self, handler: Handler) -> None:
        """Let one more listen."""
        self._handlers.append(handler)

    def emit(self, event: Event) -> None:
        """Tell of an event."""
        for handler in self._handlers:
            try:
                handler(event)
            except SystemExit as end:  # what printing raises where its reader has hung up
                self._hung_up = end
            except Exception:
                _log.exception("session %s: %s was not told of", event.session_id, type(event).__name__)

    def raise_hung_up(self) -> None:
        """Call this between trials.

        Raises:
            SystemExit: whoever reads what a handler writes has hung up.
        """
        if self._hung_up is not None:
            raise self._hung_up
