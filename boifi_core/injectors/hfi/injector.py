"""The HFI control plane puts faults in force, lists them and takes them away."""

from __future__ import annotations

import builtins
import time

from boifi_core.errors import (
    ExecutorBadAnswer,
)
from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.hfi import policy_document as policy
from boifi_core.wire.http import Wire


class HfiInjector:
    """`Injector` of an HFI control plane; each call is one attempt."""

    capabilities = policy.CAPABILITIES

    def __init__(self, config: ExecutorConfig) -> None:
        self._wire = Wire(config)

    def as_sent(self, plan: FaultPlan) -> FaultPlan:
        """See `Injector`; raises `InvalidInput` for what HFI cannot express."""
        return policy.as_sent(plan)

    def apply(self, name: str, plan: FaultPlan, *, timeout_s: float) -> None:
        """See `Injector`; raises `InvalidInput` for a name or plan that HFI cannot take."""
        document = policy.policy(name, plan)
        # Read, since a proxy's friendly 200 page would otherwise pass for a fault in force.
        self._wire.call("POST", "/v1/policies", body=document, timeout_s=timeout_s).data()

    def clear(self, name: str, *, timeout_s: float) -> None:
        """See `Injector`."""
        self._wire.call("DELETE", f"/v1/policies/{name}", timeout_s=timeout_s, expected=(404,))

    def list(self, *, timeout_s: float) -> builtins.list[str]:
        """See `Injector`."""
        answer = self._wire.call("GET", "/v1/policies", timeout_s=timeout_s)
        policies = answer.data().get("policies", "missing")
        if policies is None:  # what Go writes for an empty list
            return []
        if not isinstance(policies, builtins.list):
            raise ExecutorBadAnswer(f"{answer.what}: 'policies' is no list")
        metadata = [each.get("metadata") for each in policies if isinstance(each, dict)]
        names = [each.get("name") for each in metadata if isinstance(each, dict)]
        return [name for name in names if isinstance(name, str)]

    def health(self, *, timeout_s: float) -> None:
        """See `Injector`: ready, storage included; alive, where the control plane does not tell readiness."""
        deadline = time.monotonic() + timeout_s
        answer = self._wire.call("GET", "/v1/ready", timeout_s=timeout_s, expected=(404,))
        if answer.status == 404:
            answer = self._wire.call("GET", "/v1/health", timeout_s=deadline - time.monotonic())
        answer.data()

    def close(self) -> None:
        """See `Injector`."""
        self._wire.close()
