"""What a check looks at, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from boifi_core.analyzer.normal import Normal
from boifi_core.injectors.base import Injector
from boifi_core.models import RawObservation
from boifi_core.session.config import SessionConfig
from boifi_core.value import Value


class Outcome(StrEnum):
    """A warning says what the session will lack; a failure, why it would be worth nothing."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


class Line(Value):
    """What a check says: `text` what was seen, `advice` what to do about it, `check` whose it is."""

    check: str = ""
    outcome: Outcome
    text: str
    advice: str | None = None

    def __str__(self) -> str:
        """For people, without its outcome."""
        return f"{self.check}: {self.text}" + (f"; {self.advice}" if self.advice else "")


def passed(text: str) -> Line:
    """All is well."""
    return Line(outcome=Outcome.PASSED, text=text)


def warned(text: str, advice: str) -> Line:
    """The session can go on without."""
    return Line(outcome=Outcome.WARNED, text=text, advice=advice)


def failed(text: str, advice: str) -> Line:
    """It cannot."""
    return Line(outcome=Outcome.FAILED, text=text, advice=advice)


@dataclass(frozen=True)
class Sight:
    """What the checks look at.

    Attributes:
        config: the session's.
        injector: its injector, open.
        windows: fault-free observations; none where they could not be had, and `unseen` says why.
        policy: the name of the one policy that may be put in force.
        alone: whether the target is ours alone; None says yes, else who has it.
    """

    config: SessionConfig
    injector: Injector
    windows: Sequence[RawObservation]
    policy: str
    unseen: str | None = None
    alone: str | None = None

    @cached_property
    def normal(self) -> Normal:
        """What is normal, by the windows."""
        return Normal(tuple(self.windows))
