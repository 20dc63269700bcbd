"""Simulated meshes to tune on, weak in their time-outs and fallbacks; the comment above each says where."""

from __future__ import annotations

from benchmarks.search.build import mesh_landscape
from benchmarks.search.fields import below, fault, is_, one_of, whole
from benchmarks.search.mesh import Call, Mesh, Noise, Operation, Route

_HALF = "tuning"

# A payment waits for the bank longer (1,300 ms) than the order waits for the payment (650 ms). A bank slower than that
# trips the payment's breaker, and the ledger stands in; between the two, nobody trips, and the order retries into
# the edge's time-out. Beside that: the stock has one quick retry, an order slower than 1,500 ms is cut at the edge, the
# mail is optional, and the fraud check is ignored when late.
_CHECKOUT = Mesh(
    operations={
        "gateway POST /checkout": Operation(4, ((Call("orders POST /orders", timeout_ms=1500),),)),
        "gateway GET /catalogue": Operation(4, ((Call("catalogue GET /items", timeout_ms=800, retries=1),),)),
        "orders POST /orders": Operation(
            15,
            (
                (Call("stock POST /reserve", timeout_ms=300, retries=1, backoff_ms=20),),
                (Call("payments POST /charge", timeout_ms=650, retries=2, backoff_ms=25),),
                (Call("mail POST /send", timeout_ms=150, on_failure="ignore"),),
            ),
        ),
        "stock POST /reserve": Operation(12),
        "payments POST /charge": Operation(
            10,
            (
                (Call("fraud GET /score", timeout_ms=120, on_failure="ignore"),),
                (Call("bank POST /authorize", timeout_ms=1300, breaker=0.4, fallback="ledger POST /accept"),),
            ),
        ),
        "fraud GET /score": Operation(20),
        "bank POST /authorize": Operation(40),
        "ledger POST /accept": Operation(8),
        "mail POST /send": Operation(10),
        "catalogue GET /items": Operation(18),
    },
    routes=(
        Route(Call("gateway POST /checkout"), 0.8),
        Route(Call("gateway GET /catalogue"), 0.2),
    ),
    baseline_ms=200,
    threshold_ms=1200,
)

CHECKOUT = mesh_landscape(
    "checkout",
    _HALF,
    _CHECKOUT,
    [
        *fault(
            "",
            ["gateway", "orders", "stock", "bank", "ledger", "fraud", "mail", "catalogue"],
            delay_ms=(20, 3000),
            statuses=[429, 500, 503],
            least=20,
        ),
        one_of("target_method", "any", "GET", "POST"),
        whole("start_delay_ms", 0, 50),
    ],
    {
        "retry storm on payments": lambda seen: seen.share("retried orders POST /orders > payments POST /charge") > 0.5,
        "stock refuses": lambda seen: seen.share("failed orders POST /orders > stock POST /reserve") > 0.3,
        "orders cut at the edge": lambda seen: (
            seen.share("failed gateway POST /checkout > orders POST /orders") > 0.3
            and seen.share("retried orders POST /orders > payments POST /charge") < 0.1
            and seen.share("failed orders POST /orders > stock POST /reserve") < 0.1
        ),
        "catalogue fails": lambda seen: seen.share("failed gateway GET /catalogue > catalogue GET /items") > 0.1,
        "bank's breaker opens": lambda seen: seen.share("refused payments POST /charge > bank POST /authorize") > 0.3,
    },
)

# A product page has a replica behind its inventory and a cache behind its prices: either can go, both at once cannot.
# A slow inventory is tried twice before the replica is asked, so that the page is late as well as broken.
_STOREFRONT = Mesh(
    operations={
        "edge GET /product": Operation(
            5,
            (
                (
                    Call("inventory GET /level", 350, retries=1, backoff_ms=20, fallback="replica GET /level"),
                    Call("prices GET /price", timeout_ms=200, fallback="cache GET /price"),
                    Call("reviews GET /stars", timeout_ms=180, on_failure="ignore"),
                ),
                (Call("render GET /page", timeout_ms=400),),
            ),
        ),
        "inventory GET /level": Operation(15, ((Call("warehouse GET /bins", timeout_ms=600),),)),
        "warehouse GET /bins": Operation(15, ((Call("shelf GET /items", timeout_ms=500),),)),
        "shelf GET /items": Operation(8),
        "replica GET /level": Operation(9, ((Call("disk GET /rows", timeout_ms=300),),)),
        "disk GET /rows": Operation(4),
        "prices GET /price": Operation(14),
        "cache GET /price": Operation(3),
        "reviews GET /stars": Operation(25),
        "render GET /page": Operation(18),
    },
    routes=(Route(Call("edge GET /product", timeout_ms=2500), 1.0),),
    baseline_ms=120,
    threshold_ms=700,
    noise=Noise(jitter=0.25, bursts=0.02),
)

_STORE_SERVICES = ["inventory", "replica", "prices", "cache", "warehouse"]

STOREFRONT = mesh_landscape(
    "storefront",
    _HALF,
    _STOREFRONT,
    {
        "dimensions": [
            *fault("a.", _STORE_SERVICES, delay_ms=(10, 2000), statuses=[404, 500, 503], least=35),
            *fault("b.", _STORE_SERVICES, delay_ms=(10, 2000), statuses=[404, 500, 503], least=35),
        ],
        # Others live on the cache too.
        "constraints": [
            {"if": [is_("a.target_service", "cache")], "then": [below("a.percentage", 90)]},
            {"if": [is_("b.target_service", "cache")], "then": [below("b.percentage", 90)]},
        ],
    },
    {
        "replica too slow for the edge": lambda seen: (
            seen.share("timed out edge > edge GET /product") > 0.3
            and seen.share("fell back edge GET /product > inventory GET /level") > 0.3
        ),
        "inventory and replica down": lambda seen: seen.share("failed edge GET /product > replica GET /level") > 0.2,
        "prices and cache down": lambda seen: seen.share("failed edge GET /product > cache GET /price") > 0.2,
        "inventory retried": lambda seen: (
            seen.share("retried edge GET /product > inventory GET /level") > 0.5
            and seen.share("failed edge GET /product > replica GET /level") < 0.1
            and seen.share("timed out edge > edge GET /product") < 0.1
        ),
        "prices from the cache": lambda seen: (
            seen.share("fell back edge GET /product > prices GET /price") > 0.3
            and seen.share("failed edge GET /product > cache GET /price") < 0.1
        ),
    },
)
