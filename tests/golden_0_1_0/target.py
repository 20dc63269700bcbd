"""A shop as plain arithmetic: the same faults always give the same observation, to the last digit.

The gateway asks cart, orders, reviews, recommendations and details, and these ask others. Each call has its own
time-out and tries, and some failures are survived: so there are several ways to fail, alone and together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple


class Edge(NamedTuple):
    """How one service asks another."""

    callee: str
    timeout_ms: float
    tries: int = 1
    survives: bool = False


OWN_MS = {
    "gateway": 3.0, "cart": 9.0, "inventory": 7.0, "orders": 12.0, "payments": 15.0, "pricing": 6.0, "reviews": 10.0,
    "ratings": 5.0, "recommendations": 11.0, "details": 8.0,
}  # fmt: skip
ASKS = {
    "gateway": (
        Edge("cart", 1000.0), Edge("orders", 400.0), Edge("reviews", 1000.0, survives=True),
        Edge("recommendations", 150.0, survives=True), Edge("details", 2000.0),
    ),
    "cart": (Edge("inventory", 120.0, tries=3), Edge("pricing", 500.0, survives=True)),
    "orders": (Edge("payments", 250.0, tries=2),),
    "reviews": (Edge("ratings", 200.0, tries=2, survives=True),),
}  # fmt: skip


class _Request:
    """One request through the shop that all these faults strike."""

    def __init__(self, plans: Sequence[Any]) -> None:
        self._plans = plans
        self.spans: list[dict[str, Any]] = []
        self.logs: list[str] = []

    def ask(self, service: str, under: str | None = None) -> tuple[float, int]:
        """Latency and status of a service's answer."""
        span = {"id": f"{len(self.spans) + 1:03}", "name": f"{service}:GET /{service}", "parent_id": under}
        self.spans.append(span)
        struck = [plan for plan in self._plans if _hits(plan, service)]
        took_ms = sum((plan.delay_ms or 0) + plan.start_delay_ms for plan in struck)
        status = next((plan.abort_status_code for plan in struck if plan.abort_status_code is not None), 200)
        if status == 200:
            took_ms += OWN_MS[service]
            for edge in ASKS.get(service, ()):
                asked_ms, answer = self._ask(edge, span["id"])
                took_ms += asked_ms
                if answer >= 400 and not edge.survives:
                    self.logs.append(f"ERROR {service}: {edge.callee} answered {answer}")
                    status = 500
                    break
                if answer >= 400:
                    self.logs.append(f"WARN {service}: goes on without {edge.callee}")
        span |= {"duration_ms": round(took_ms, 3), "status": "error" if status >= 400 else "success"}
        return took_ms, status

    def _ask(self, edge: Edge, under: str) -> tuple[float, int]:
        whole_ms, status = 0.0, 0
        for _ in range(edge.tries):
            took_ms, status = self.ask(edge.callee, under)
            if took_ms > edge.timeout_ms:
                took_ms, status = edge.timeout_ms, 504
            whole_ms += took_ms
            if status < 500:
                break
        return whole_ms, status


def _hits(plan: Any, service: str) -> bool:
    path = f"/{service}/0"
    is_path = re.search(plan.target_path, path) if plan.target_path[0] == "^" else path.startswith(plan.target_path)
    return plan.percentage > 0 and plan.target_service in (None, service) and bool(is_path)


def respond(plans: Sequence[Any]) -> dict[str, Any]:
    """The observation of a window under these plans, without its timestamp."""
    struck, sound = _Request(plans), _Request(())
    (struck_ms, status), (sound_ms, _) = struck.ask("gateway"), sound.ask("gateway")
    share = max((plan.percentage for plan in plans), default=0) / 100
    typical = struck if share > 0.5 else sound
    return {
        "status_code": status if share > 0.5 else 200,
        "latency_ms": struck_ms if share >= 0.05 else sound_ms,
        "error_rate": share if status >= 400 else 0.0,
        "logs": struck.logs,
        "trace_data": json.dumps({"spans": typical.spans}),
    }
