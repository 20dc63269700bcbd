"""The shop's weaknesses in words that a program can follow: which faults bring them out, and from where on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Trial
from demo.ground_truth import WEAKNESSES

_HURTS = 0.5
"""A trial is labelled that has at least this share of its weakness's documented severity."""


def _delay(service: str, low_ms: float, high_ms: float = 1e9) -> Callable[[FaultPlan], bool]:
    return lambda plan: plan.target_service == service and low_ms <= (plan.delay_ms or 0) <= high_ms


def _abort(service: str, *statuses: int, method: str | None = None) -> Callable[[FaultPlan], bool]:
    return lambda plan: (
        plan.target_service == service
        and plan.abort_status_code is not None
        and (not statuses or plan.abort_status_code in statuses)
        and (method is None or plan.target_method == method)
    )


TRIGGERS: Mapping[str, Callable[[FaultPlan], bool]] = {
    "The shop closes for recommendations": _delay("recommendations", 95, 145),
    "A fallback that comes too late": _delay("recommendations", 155),
    "Customers are charged twice": _delay("bank", 55),
    "Six calls for one price": _abort("pricing", 503, method="GET"),
    "No reviews, no page": lambda plan: _abort("reviews")(plan) or _delay("reviews", 45)(plan),
    "A fallback for time-outs only": _abort("recommendations"),
    "A cart for nothing": _abort("promotions"),
    "One connection to the warehouse": _delay("warehouse", 20, 35),
}
"""What of a fault brings out each weakness that one fault can (demo-target.md), in words that a program can follow."""

THRESHOLDS_MS: Mapping[str, float] = {
    "The shop closes for recommendations": 90,
    "A fallback that comes too late": 150,
    "Customers are charged twice": 50,
    "No reviews, no page": 35,
    "One connection to the warehouse": 20,
}
"""The delays from which on they are seen, as documented."""


def weakness_of(trial: Trial) -> str | None:
    """The weakness that a trial's fault brings out, if it hurt as that does."""
    severities = {weakness.name: weakness.severity for weakness in WEAKNESSES}
    for name, triggers in TRIGGERS.items():
        if len(trial.plans) == 1 and triggers(trial.plans[0]):
            return name if (trial.severity or 0.0) >= max(0.51, _HURTS * severities[name]) else None
    return None
