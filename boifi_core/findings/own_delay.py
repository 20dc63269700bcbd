"""Slowness that is the injected delay itself, and no failure of the target."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.models import Fact, FactKind
from boifi_core.traces.calls import CLIENT
from boifi_core.traces.peers import is_service

_JITTER = 1.1
_SLACK_MS = 20.0
"""A wait takes a little longer than it was asked to."""


def is_only_the_delay(facts: Sequence[Fact], plans: Sequence[FaultPlan], normal: Normal) -> bool:
    """Whether all that was seen is that calls took longer, by no more than the faults held them up.

    A request that goes through a fault several times is held up as often; whatever is longer than that was amplified.
    """
    if not facts or any(fact.kind not in (FactKind.SLOW, FactKind.LATENCY) for fact in facts):
        return False
    held_up_ms = sum(_wait_ms(plan) * _times_met(plan, normal) for plan in plans)
    return held_up_ms > 0 and all(
        (fact.value or 0.0) <= _usual_ms(fact, normal) + _JITTER * held_up_ms + _SLACK_MS for fact in facts
    )


def _wait_ms(plan: FaultPlan) -> float:
    """How long one fault holds a request up, milliseconds."""
    own = plan.kind.milder
    return float(plan.start_delay_ms or 0) + (float(plan.strength) if own is not None and own.is_wait else 0.0)


def _times_met(plan: FaultPlan, normal: Normal) -> int:
    """How often one request goes through the fault at most, by what is normal; at least once."""
    often = [
        sum(
            usual.most
            for where, usual in normal.usual(kind).items()
            if not where.startswith(f"{CLIENT} → ") and _meets(plan, usual.callee)
        )
        for kind in normal.kinds
    ]
    return max(1, *often) if often else 1


def _meets(plan: FaultPlan, callee: str | None) -> bool:
    return plan.target_service is None or (callee is not None and is_service(plan.target_service, callee))


def _usual_ms(fact: Fact, normal: Normal) -> float:
    """The longest that it took without a fault, milliseconds."""
    if fact.kind is FactKind.LATENCY:
        return normal.latencies_ms[-1] if normal.latencies_ms else 0.0
    usual = normal.usual(fact.request).get(fact.where)
    return usual.durations_ms[-1] if usual is not None and usual.durations_ms else 0.0
