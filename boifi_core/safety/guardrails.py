"""What a session must never do to its target, checked before anything is applied."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, field_validator

from boifi_core.errors import InvalidInput, shown
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import RawObservation
from boifi_core.space.condition import Condition
from boifi_core.value import Value

OBSERVED = ("status_code", "latency_ms", "error_rate")
"""The fields of an observation that `abort_if` can ask about."""


class Guardrails(Value):
    """Limits of a session.

    `protected_services` and `protected_paths` bear no fault: a plan without a service could reach every service, and
    a path is protected from plans whose prefix covers it or lies under it. `abort_if` ends the session when it holds
    for an observation (fields: status_code, latency_ms, error_rate). `max_duration_s` is for the whole session.
    """

    protected_services: tuple[str, ...] = ()
    protected_paths: tuple[str, ...] = ()
    max_percentage: float | None = Field(default=None, gt=0, le=100)
    max_delay_ms: int | None = Field(default=None, gt=0)
    abort_if: Condition | None = None
    max_duration_s: Annotated[float, Field(gt=0)] | None = None

    @field_validator("protected_paths")
    @classmethod
    def _are_paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        if not all(path.startswith("/") for path in paths):
            raise ValueError("must be paths that begin with /")
        return paths

    @field_validator("abort_if")
    @classmethod
    def _about_an_observation(cls, rule: Condition | None) -> Condition | None:
        if rule is not None and rule.field not in OBSERVED:
            raise InvalidInput("guardrails.abort_if.field", f"must be one of {', '.join(OBSERVED)}", rule.field)
        return rule


def objection(plan: FaultPlan, rails: Guardrails) -> str | None:
    """Why the guardrails forbid this plan, in one line; None if they don't."""
    # Rounded up: an injector that takes whole percentages may send as much.
    percentage = math.ceil(plan.percentage)
    if rails.max_percentage is not None and percentage > rails.max_percentage:
        return f"max_percentage: must be at most {rails.max_percentage:g}, got {percentage}"
    if rails.max_delay_ms is not None and plan.wait_ms > rails.max_delay_ms:
        return f"max_delay_ms: must be at most {rails.max_delay_ms}, got {plan.wait_ms}"
    for service in rails.protected_services:
        if plan.target_service in (None, "", "*", service):
            got = shown(plan.target_service)
            return f"protected_services: {shown(service)} must bear no fault, got target_service {got}"
    for path in rails.protected_paths:
        if _may_reach(plan.target_path, path):
            return f"protected_paths: {shown(path)} must bear no fault, got target_path {shown(plan.target_path)}"
    return None


def ends_session(observation: RawObservation, rails: Guardrails) -> str | None:
    """The reason to end the session, if `abort_if` holds for this observation."""
    rule = rails.abort_if
    if rule is None or not rule.holds(observation.model_dump(exclude_none=True)):
        return None
    seen = getattr(observation, rule.field, None)
    return f"guardrails.abort_if: {rule.field} {rule.operator.replace('_', ' ')} {rule.value}, observed {seen}"


def _may_reach(target_path: str, protected: str) -> bool:
    # What a regular expression reaches cannot be told in general, so beside a protected path none is allowed; nor what
    # a path reaches that a proxy may rewrite first.
    if target_path.startswith("^") or "%" in target_path or "//" in target_path or "/." in target_path:
        return True
    return protected.startswith(target_path) or target_path.startswith(protected)
