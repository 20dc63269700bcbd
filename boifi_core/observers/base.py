"""What every observer promises, and what a session file says of each: `observer`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from boifi_core.errors import InvalidInput
from boifi_core.models import RawObservation
from boifi_core.observers.expect.config import Expect
from boifi_core.value import KindConfig


class ObserverConfig(KindConfig):
    """Which observer brings the observations; each kind with fields of its own has a subclass in its table entry."""

    def connects_to(self) -> Iterable[tuple[str, str]]:
        """All that it connects to: field within `observer`, and URL."""
        return ()

    def expecting(self, expect: Expect) -> ObserverConfig:
        """The same with what the session expects of answers of which it says nothing itself.

        Raises:
            InvalidInput: it does not look at answers.
        """
        raise InvalidInput("expect", "must stand beside an observer that sees answers, as probe", self.type)


class Observer(Protocol):
    """Brings one observation of the target."""

    def observe(self, *, newer_than: datetime, timeout_s: float) -> RawObservation:
        """One observation whose window began after `newer_than` (aware, this machine's clock).

        An older one is waited out, never returned. Fields that are missing or unusable are None with a reason in
        `degraded`.

        Raises:
            ExecutorTimedOut: nothing new enough came within `timeout_s`.
            ExecutorUnreachable, ExecutorRejected, ExecutorBadAnswer: as for `Injector`.
        """

    def news(self) -> Sequence[str]:
        """What is worth a line to whoever runs the session and was not told yet: how it observes, what it missed."""

    def close(self) -> None:
        """Give back ports and connections; the observer is not used after."""


@runtime_checkable
class Glancing(Protocol):
    """An observer that can also look more quickly."""

    def glance(self, *, newer_than: datetime, timeout_s: float) -> RawObservation:
        """As `Observer.observe`, of fewer requests and without traces: enough to see a fault that nobody can miss."""


def glance(observer: Observer, *, newer_than: datetime, timeout_s: float) -> RawObservation:
    """The quickest observation that this observer can bring; raises as `Observer.observe`."""
    look = observer.glance if isinstance(observer, Glancing) else observer.observe
    return look(newer_than=newer_than, timeout_s=timeout_s)


@runtime_checkable
class Learning(Protocol):
    """An observer that can learn what healthy answers are like."""

    def learn(self) -> None:
        """All that it has observed so far was the target without a fault; from here on answers must be like that."""


def learn(observer: Observer) -> None:
    """Let an observer that can learn do so, see `Learning`."""
    if isinstance(observer, Learning):
        observer.learn()
