"""What a session must never do to its target, checked before anything is applied."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import islice, takewhile
from typing import Annotated

from pydantic import Field, field_validator

from boifi_core.errors import InvalidInput, shown
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import RawObservation
from boifi_core.space.condition import Condition
from boifi_core.space.limits import LONGEST_TEXT
from boifi_core.value import Value

OBSERVED = ("status_code", "latency_ms", "error_rate")
"""The fields of an observation that `abort_if` can ask about."""


MOST_PROTECTED = 1_000
LONGEST_SESSION_S = 30 * 86_400.0

_Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class Guardrails(Value):
    """Limits of a session.

    `protected_services` and `protected_paths` bear no fault: a plan without a service could reach every service, and
    a path is protected from plans whose prefix covers it or lies under it. `abort_if` ends the session when it holds
    for an observation (fields: status_code, latency_ms, error_rate). `max_duration_s` is for the whole session.
    """

    protected_services: tuple[_Text, ...] = Field(default=(), max_length=MOST_PROTECTED)
    protected_paths: tuple[_Text, ...] = Field(default=(), max_length=MOST_PROTECTED)
    max_percentage: float | None = Field(default=None, gt=0, le=100)
    max_delay_ms: int | None = Field(default=None, gt=0, le=86_400_000)
    abort_if: Condition | None = None
    max_duration_s: Annotated[float, Field(gt=0, le=LONGEST_SESSION_S)] | None = None

    @field_validator("protected_paths")
    @classmethod
    def _are_paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        if not all(path.startswith("/") for path in paths):
            raise ValueError("must be paths that begin with /")
        return paths

    @field_validator("abort_if")
    @classmethod
    def _about_an_observation(cls, rule: Condition | None) -> Condition | None:
        for key in ("field", "other"):
            name = None if rule is None else getattr(rule, key)
            if name is not None and name not in OBSERVED:
                raise InvalidInput(f"guardrails.abort_if.{key}", f"must be one of {', '.join(OBSERVED)}", name)
        return rule

    @cached_property
    def _services(self) -> frozenset[str]:
        return frozenset(self.protected_services)

    @cached_property
    def _reach(self) -> Reach:
        return Reach(self.protected_paths)


class Reach:
    """Which of many paths a plan may reach: found by looking up, as a space may have thousands of plans."""

    def __init__(self, protected: Sequence[str]) -> None:
        self._protected = protected
        self._known = frozenset(protected)
        self._lengths = sorted({len(path) for path in protected})
        self._sorted = sorted(protected)

    def of(self, target_path: str) -> str | None:
        """The first of the paths that a plan of this target path may reach; None if it reaches none of them."""
        if not self._protected:
            return None
        # What a regular expression reaches cannot be told in general, so beside a protected path none is allowed; nor
        # what a path reaches that a proxy may rewrite first.
        if target_path.startswith("^") or "%" in target_path or "//" in target_path or "/." in target_path:
            return self._protected[0]
        above = {target_path[:length] for length in self._lengths} & self._known
        first = bisect_left(self._sorted, target_path)
        below = set(takewhile(lambda path: path.startswith(target_path), islice(self._sorted, first, None)))
        reached = above | below
        return next((path for path in self._protected if path in reached), None) if reached else None


def objection(plan: FaultPlan, rails: Guardrails) -> str | None:
    """Why the guardrails forbid this plan, in one line; None if they don't."""
    # Rounded up: an injector that takes whole percentages may send as much.
    percentage = math.ceil(plan.percentage)
    if rails.max_percentage is not None and percentage > rails.max_percentage:
        return f"max_percentage: must be at most {rails.max_percentage:g}, got {percentage}"
    if rails.max_delay_ms is not None and plan.wait_ms > rails.max_delay_ms:
        return f"max_delay_ms: must be at most {rails.max_delay_ms}, got {plan.wait_ms}"
    service = plan.target_service
    is_any = service in (None, "", "*")
    if rails.protected_services and (is_any or service in rails._services):
        hit = rails.protected_services[0] if is_any else service
        return f"protected_services: {shown(hit)} must bear no fault, got target_service {shown(service)}"
    if (path := rails._reach.of(plan.target_path)) is not None:
        return f"protected_paths: {shown(path)} must bear no fault, got target_path {shown(plan.target_path)}"
    return None


def ends_session(observation: RawObservation, rails: Guardrails) -> str | None:
    """The reason to end the session, if `abort_if` holds for this observation."""
    rule = rails.abort_if
    if rule is None or not rule.holds(observation.model_dump(exclude_none=True)):
        return None
    seen = getattr(observation, rule.field, None)
    return f"guardrails.abort_if: {rule}, observed {seen}"
