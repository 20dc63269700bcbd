"""What kinds of fault there are: one table, which whatever reads, compares, shortens or injects faults asks.

A new kind is an entry in `KINDS`. A field that no kind had before is also a typed line in `FaultPlan`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import Field


@dataclass(frozen=True, eq=False, kw_only=True)
class PlanField:
    """What must be known of a field of `FaultPlan`, beside its type.

    Attributes:
        name: as plans and search spaces have it.
        unit: of its numbers; empty where they have none.
        limits: of its numbers, by pydantic's names: `gt`, `ge`, `le`; without any, it takes no numbers.
        is_whole: whether its numbers are whole; what a space gives is rounded.
        is_required: whether a plan of a kind that has it must say it.
        default: what it is where such a plan does not say it; None leaves it out.
        example: a value that it may have, for a plan in which another field is looked at.
        zero_is_none: whether 0 and null say that there is no fault at all; elsewhere null says: as if not given.
        is_wait: whether it is a time that a request is held up, milliseconds.
        says: how its value reads in a plan's line.
        other_names: what other tools call it, each with the factor from theirs to ours.
    """

    name: str
    unit: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    is_whole: bool = False
    is_required: bool = False
    default: Any = None
    example: Any = None
    zero_is_none: bool = False
    is_wait: bool = False
    says: str = "{}"
    other_names: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        """Whether it takes numbers only."""
        return bool(self.limits)

    def declared(self, default: Any = None) -> Any:
        """What `FaultPlan` declares it with."""
        return Field(default=default, **self.limits)

    def factor(self, word: str) -> float:
        """What a number is to be multiplied by that was written under this name."""
        return self.other_names.get(word, 1)

    def scaled(self, word: str, value: Any) -> Any:
        """A value that was written under this name; what is no number passes through, for validation to name."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if self.factor(word) == 1 or not is_number:
            return value
        return self.rounded(value * self.factor(word))

    def rounded(self, value: Any) -> Any:
        """The value, as a whole number where that is due."""
        return round(value) if self.is_whole and isinstance(value, float) else value


@dataclass(frozen=True, eq=False, kw_only=True)
class Scale(PlanField):
    """A field whose numbers go from mild to strong: the lower, the milder.

    Attributes:
        close: a threshold is known when what fails and what holds differ by no more than this share of what fails.
        by_ratio: whether the middle of two values is told by their ratio, as of shares; else by their difference.
    """

    close: float
    by_ratio: bool = False

    def is_close(self, fails: float, holds: float) -> bool:
        """Whether a threshold between the two is known well enough."""
        return fails - holds <= max(1.0, self.close * fails)

    def middle(self, fails: float, holds: float) -> float:
        """Where to look for the threshold between the two."""
        return math.sqrt(fails * holds) if self.by_ratio else (fails + holds) / 2

    def mildest(self, values: Iterable[float]) -> float | None:
        """Of what a space allows, or a session tried; None of nothing."""
        return min(values, default=None)

    def strongest(self, values: Iterable[float]) -> float | None:
        """Of what a space allows, or a session tried; None of nothing."""
        return max(values, default=None)


@dataclass(frozen=True, eq=False)
class Kind:
    """An entry in the table.

    Attributes:
        fields: its own ones, in the order of its line; it ignores those of other kinds.
    """

    fields: tuple[PlanField, ...] = ()

    @cached_property
    def names(self) -> frozenset[str]:
        """Of its own fields."""
        return frozenset(own.name for own in self.fields)

    @cached_property
    def milder(self) -> Scale | None:
        """The own field that is lowered for a milder fault; None where only fewer requests make one milder."""
        return next((own for own in self.fields if isinstance(own, Scale)), None)

    @property
    def scales(self) -> tuple[Scale, ...]:
        """What makes a fault of it smaller when it is lowered: the own field, and how many requests are met."""
        return (PERCENTAGE,) if self.milder is None else (self.milder, PERCENTAGE)


PERCENTAGE = Scale(
    name="percentage",
    unit="%",
    limits={"ge": 0, "le": 100},
    # Chance blurs its threshold: of few requests, a failure shows now and then.
    close=0.7,
    by_ratio=True,
)
DURATION_SECONDS = PlanField(name="duration_seconds", unit="s", limits={"gt": 0}, is_whole=True)
START_DELAY_MS = PlanField(name="start_delay_ms", unit="ms", limits={"ge": 0}, is_whole=True, is_wait=True)

COMMON = (PlanField(name="target_path", other_names={"api": 1}), PERCENTAGE, DURATION_SECONDS, START_DELAY_MS)
"""The fields of every kind of which more must be known than their type."""

DELAY_MS = Scale(
    name="delay_ms",
    unit="ms",
    limits={"gt": 0},
    is_whole=True,
    is_required=True,
    example=1,
    zero_is_none=True,
    is_wait=True,
    says="{} ms",
    # The middle is then within a tenth of the true threshold.
    close=0.16,
    other_names={"delay_seconds": 1000},
)
ABORT_STATUS_CODE = PlanField(
    name="abort_status_code",
    limits={"ge": 200, "le": 599},
    is_whole=True,
    default=500,
    other_names={"abort_http_status": 1},
)
ERROR_MESSAGE = PlanField(name="error_message", says="{!r}", other_names={"error_type": 1})

KINDS: dict[str, Kind] = {
    "delay": Kind((DELAY_MS,)),
    "abort": Kind((ABORT_STATUS_CODE,)),
    "error_injection": Kind((ABORT_STATUS_CODE, ERROR_MESSAGE)),
    "rate_limit": Kind(),
}
"""Kinds of fault by `fault_type`."""


def name_of(written: object) -> str | None:
    """The kind that is written so, in any case; None where there is none."""
    name = written.lower() if isinstance(written, str) else ""
    return name if name in KINDS else None


def known_fields() -> list[PlanField]:
    """All of which more must be known than their type, the common ones first."""
    return list(dict.fromkeys([*COMMON, *(own for kind in KINDS.values() for own in kind.fields)]))


def field_of(word: str) -> PlanField | None:
    """The field of this name, ours or another tool's; None where there is none, or nothing more to know of it."""
    return next((known for known in known_fields() if word == known.name or word in known.other_names), None)


def with_field(name: str, value: Any) -> dict[str, Any]:
    """A plan with this value, as a user would write it: of the first kind that has the field, with all it needs."""
    fault_type = next((each for each, kind in KINDS.items() if name in kind.names), next(iter(KINDS)))
    needed = {own.name: own.example for own in KINDS[fault_type].fields if own.is_required}
    return {"fault_type": fault_type, **needed, name: value}
