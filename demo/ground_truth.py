"""What is wrong with the shop, and what brings it out: the truth that a search can be measured by.

Severities are those of the analyzer in `demo/session.yaml`, measured against the running shop. Nothing outside `demo/`
knows them but tests and benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

from boifi_core.faults.plan import FaultPlan


@dataclass(frozen=True)
class Weakness:
    """One planted weakness.

    Attributes:
        name: its heading in `docs/demo-target.md`.
        kind: what real systems call it.
        what: what is wrong.
        plans: the faults that bring it out, all at once.
        severity: what it reaches by them.
        in_space: whether a session of `demo/session.yaml` can propose it; it injects one fault at a time.
    """

    name: str
    kind: str
    what: str
    plans: tuple[FaultPlan, ...]
    severity: float
    in_space: bool = True


def _delay(service: str, delay_ms: int) -> FaultPlan:
    return FaultPlan(
        fault_type="delay",
        target_service=service,
        delay_ms=delay_ms,
    )


def _abort(service: str, status: int, method: str | None = None) -> FaultPlan:
    return FaultPlan(fault_type="abort", target_service=service, target_method=method, abort_status_code=status)


WEAKNESSES = (
    Weakness(
        name="The shop closes for recommendations",
        kind="a pool that saturates at a middling delay",
        what=(
            "Recommendations that are slow, but not slow enough for their time-out, hold the gateway's three workers; "
            "pages run late one after another until the gateway closes the whole shop."
        ),
        plans=(_delay("recommendations", 115),),
        severity=9.7,
    ),
    Weakness(
        name="A fallback that comes too late",
        kind="a caller's time-out shorter than its callees'",
        what=(
            "The page budget is shorter than the time-out of the recommendations and the count of the bestsellers "
            "after it, so the fallback is never seen by those who needed it first."
        ),
        plans=(_delay("recommendations", 300),),
        severity=6.5,
    ),
    Weakness(
        name="Customers are charged twice",
        kind="a caller's time-out shorter than its callee's",
        what=(
            "Orders waits 60 ms for payments, payments 150 ms for the bank; orders gives up, charges again, and gives "
            "up again while both debits go through."
        ),
        plans=(_delay("bank", 100),),
        severity=3.8,
    ),
    Weakness(
        name="Six calls for one price",
        kind="retries that multiply into a storm",
        what="The catalogue tries three times for a price, and the gateway twice for the catalogue.",
        plans=(_abort("pricing", 503, "GET"),),
        severity=1.5,
    ),
    Weakness(
        name="No reviews, no page",
        kind="a missing fallback",
        what="The product page has a fallback for the stock, and none for the reviews beside it.",
        plans=(_abort("reviews", 500),),
        severity=2.4,
    ),
    Weakness(
        name="A fallback for time-outs only",
        kind="a missing fallback",
        what=(
            "The product page does without recommendations that do not come in time, but not without those that fail; "
            "the home page has a fallback for both, a slow one."
        ),
        plans=(_abort("recommendations", 500),),
        severity=6.1,
    ),
    Weakness(
        name="A cart for nothing",
        kind="an error swallowed into a wrong 200",
        what="Without an answer from promotions the total of the cart is 0, and the status 200.",
        plans=(_abort("promotions", 500),),
        severity=2.4,
    ),
    Weakness(
        name="One connection to the warehouse",
        kind="a pool that saturates at a middling delay",
        what=(
            "Inventory has one connection to the warehouse and waits 60 ms for it; a delay below the time-out that "
            "would leave the warehouse alone makes it the queue of everybody."
        ),
        plans=(_delay("warehouse", 25),),
        severity=4.4,
    ),
    Weakness(
        name="Two lists, one home page",
        kind="a fallback that fails when two things fail together",
        what="The bestsellers stand in for the recommendations, and nothing for the bestsellers.",
        plans=(_abort("recommendations", 500), _abort("bestsellers", 500)),
        severity=9.4,
        in_space=False,
    ),
)

HIGHEST_SEVERITY = max(weakness.severity for weakness in WEAKNESSES if weakness.in_space)
"""The most that a session of `demo/session.yaml` can find."""
