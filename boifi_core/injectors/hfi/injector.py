"""The HFI control plane puts faults in force, lists them and takes them away."""

from __future__ import annotations

import builtins
import time

from boifi_core.errors import ExecutorBadAnswer, shown
from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.hfi import policy_document as policy
from boifi_core.wire.http import Answer, Wire


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
        _read(self._wire.call("POST", "/v1/policies", body=document, timeout_s=timeout_s))

    def clear(self, name: str, *, timeout_s: float) -> None:
        """See `Injector`; what is said not to be there is looked for in the list, since any proxy can say that."""
        deadline = time.monotonic() + timeout_s
        answer = self._wire.call("DELETE", f"/v1/policies/{name}", timeout_s=timeout_s, expected=(404,))
        if answer.status == 404:
            if name in self.list(timeout_s=max(deadline - time.monotonic(), 0.1)):
                raise ExecutorBadAnswer(f"{answer.what}: answered 404, though the policy is in the list")
        elif answer.body.strip():  # removed without a word is removed
            _read(answer)

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


_FAILED = ("error", "failed", "failure")


def _read(answer: Answer) -> None:
    """See that it is the control plane's, and says that it did what it was told to.

    A proxy whose login ran out answers 200 with a page of its own.

    Raises:
        ExecutorBadAnswer: it is not, or does not.
    """
    data = answer.data()
    told = next((data[name] for name in ("error", "errors") if data.get(name)), None)
    if told is None and (False in (data.get("success"), data.get("ok")) or data.get("status") in _FAILED):
        told = data.get("message") or data
    if told is not None:
        raise ExecutorBadAnswer(f"{answer.what}: answered {answer.status}, and an error: {shown(told)}")
