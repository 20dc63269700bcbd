"""A fault as a policy of the HFI control plane."""

from __future__ import annotations

import re
from typing import Any

from boifi_core.errors import InvalidInput
from boifi_core.faults.kinds import ERROR_MESSAGE
from boifi_core.faults.plan import FaultPlan
from boifi_core.faults.sending import Sending
from boifi_core.injectors.base import Capabilities
from boifi_core.injectors.hfi.fault_writers import WRITERS

CAPABILITIES = Capabilities(
    fault_types=frozenset(WRITERS),
    max_delay_ms=30_000,
    sending=Sending(percentage_grain=1, drops=frozenset({ERROR_MESSAGE.name}), sent_as={"error_injection": "abort"}),
)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{1,61}[A-Za-z0-9_]")


def as_sent(plan: FaultPlan) -> FaultPlan:
    """The plan with the percentage that HFI takes: whole, half rounded up, at least 1 if above 0; no error message.

    Raises:
        InvalidInput: the plan has what HFI cannot express.
    """
    if plan.fault_type not in CAPABILITIES.fault_types:
        known = ", ".join(sorted(CAPABILITIES.fault_types))
        raise InvalidInput("fault_type", f"must be one that HFI can inject ({known})", plan.fault_type)
    if plan.delay_ms is not None and plan.delay_ms > CAPABILITIES.max_delay_ms:
        raise InvalidInput("delay_ms", f"must be at most {CAPABILITIES.max_delay_ms} for HFI", plan.delay_ms)
    if plan.parameters:
        raise InvalidInput("parameters", "must be empty: HFI has none", plan.parameters)
    return CAPABILITIES.sending.of(plan)


def policy(name: str, plan: FaultPlan) -> dict[str, Any]:
    """The policy document, every number in it an integer.

    Args:
        name: 3 to 63 letters, digits, `-` and `_`, with no `-` at either end.
        plan: with its expiry, `duration_seconds`, set.

    Raises:
        InvalidInput: the name breaks the rule, the expiry is missing, or HFI cannot express the plan.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput("name", "must be 3 to 63 letters, digits, '-' and '_', with no '-' at either end", name)
    if plan.duration_seconds is None:
        raise InvalidInput("duration_seconds", "must be set, so that the fault ends by itself", None)
    plan = as_sent(plan)
    return {
        "metadata": {"name": name, "version": "1.0.0"},
        "spec": {
            "selector": {"service": plan.target_service or "*", "namespace": "*"},
            "rules": [{"match": _match(plan), "fault": _fault(plan)}],
        },
    }


def _match(plan: FaultPlan) -> dict[str, Any]:
    how = "regex" if plan.target_path.startswith("^") else "prefix"
    match: dict[str, Any] = {"path": {how: plan.target_path}}
    if plan.target_method is not None:
        match["method"] = {"exact": plan.target_method}
    if plan.headers:
        match["headers"] = [{"name": name, "exact": value} for name, value in plan.headers.items()]
    return match


def _fault(plan: FaultPlan) -> dict[str, Any]:
    return {
        "percentage": round(plan.percentage),
        "start_delay_ms": plan.start_delay_ms,
        "duration_seconds": plan.duration_seconds,
        **WRITERS[plan.fault_type](plan),
    }
