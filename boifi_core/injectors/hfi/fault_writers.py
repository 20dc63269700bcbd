"""How HFI writes each kind of fault that it can inject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from boifi_core.faults.plan import FaultPlan


def _delay(plan: FaultPlan) -> dict[str, Any]:
    # Older control planes read the text, newer ones the number, and both ignore what they do not know.
    return {"delay": {"fixed_delay": f"{plan.delay_ms}ms", "fixed_delay_ms": plan.delay_ms}}


def _abort(plan: FaultPlan) -> dict[str, Any]:
    return {"abort": {"httpStatus": plan.abort_status_code}}


WRITERS: Mapping[str, Callable[[FaultPlan], dict[str, Any]]] = {
    "delay": _delay,
    "abort": _abort,
    "error_injection": _abort,
}
"""What a policy's `fault` says of its own, by `fault_type`."""
