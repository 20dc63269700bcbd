"""Simulated meshes that are only ever reported on, weak under load; the comment above each says where."""

from __future__ import annotations

from benchmarks.search.build import mesh_landscape
from benchmarks.search.fields import among, below, fault, is_, one_of, real, whole
from benchmarks.search.mesh import Call, Mesh, Noise, Operation, Pool, Route

_HALF = "held_out"

# A feed lives on its cache. Without it every read falls back to a database that works on six requests at once: a few
# misses are served a little later, many fill it, and then posts wait for it too. A slow cache does little, since it is
# given up early; a failing media service is retried, and trends are swallowed.
_FEED = Mesh(
    operations={
        "edge GET /feed": Operation(3, ((Call("feed GET /feed", timeout_ms=900, retries=1, backoff_ms=40),),)),
        "edge POST /post": Operation(3, ((Call("posts POST /post", timeout_ms=800, retries=1, backoff_ms=40),),)),
        "feed GET /feed": Operation(
            8,
            (
                (
                    Call("cache GET /timeline", timeout_ms=60, fallback="database GET /timeline"),
                    Call("trends GET /top", timeout_ms=150, on_failure="swallow"),
                ),
                (
                    Call("media GET /thumbs", timeout_ms=250, retries=2, backoff_ms=30, on_failure="ignore"),
                    Call("names GET /users", timeout_ms=200, retries=1, lenient=frozenset({404})),
                ),
            ),
        ),
        "posts POST /post": Operation(
            6,
            (
                (Call("names GET /users", timeout_ms=200),),
                (Call("database POST /rows", timeout_ms=400),),
                (Call("cache DELETE /timeline", timeout_ms=60, on_failure="swallow"),),
            ),
        ),
        "cache GET /timeline": Operation(2),
        "cache DELETE /timeline": Operation(2),
        "database GET /timeline": Operation(150),
        "database POST /rows": Operation(30),
        "trends GET /top": Operation(12),
        "media GET /thumbs": Operation(20),
        "names GET /users": Operation(7),
    },
    routes=(Route(Call("edge GET /feed"), 0.7), Route(Call("edge POST /post"), 0.3)),
    baseline_ms=120,
    threshold_ms=1000,
    pools={"database": Pool(size=6, queue_ms=1000)},
    load_rps=60.0,
    noise=Noise(jitter=0.25, background=0.001),
)

FEED = mesh_landscape(
    "feed",
    _HALF,
    _FEED,
    [
        *fault(
            "",
            ["cache", "database", "trends", "media", "names", "feed", "posts"],
            delay_ms=(5, 1500),
            statuses=[404, 429, 500],
        ),
        one_of("target_method", "any", "GET", "POST", "DELETE"),
        one_of("target_path", "/", "/t", "/users"),
        whole("start_delay_ms", 0, 40),
        whole("duration_seconds", 30, 120),
    ],
    {
        "database swamped by cache misses": lambda seen: (
            seen.share("no room database") > 0.1 and seen.share("fell back feed GET /feed > cache GET /timeline") > 0.3
        ),
        "feed fails": lambda seen: (
            seen.share("failed edge GET /feed > feed GET /feed") > 0.3 and seen.share("no room database") < 0.05
        ),
        "posts fail": lambda seen: (
            seen.share("failed edge POST /post > posts POST /post") > 0.15 and seen.share("no room database") < 0.05
        ),
        "stale timelines": lambda seen: seen.share("swallowed posts POST /post > cache DELETE /timeline") > 0.1,
        "trends swallowed": lambda seen: seen.share("swallowed feed GET /feed > trends GET /top") > 0.2,
        "media retried": lambda seen: seen.share("retried feed GET /feed > media GET /thumbs") > 0.5,
    },
)

# A basket that cannot be read is made anew, which asks four services more. If only reading fails, every request makes
# a basket, and the number service (two at once) fills up and makes them late; if all of the basket service fails, the
# page fails at once. A 404 from gifts means "none", coupons have a breaker, and shipping is tried three times.
_BASKET = Mesh(
    operations={
        "shop GET /basket": Operation(5, ((Call("basket GET /basket", 700, fallback="basket POST /basket"),),
                                          (Call("gifts GET /gifts", timeout_ms=200, lenient=frozenset({404})),
                                           Call("coupons GET /mine", 250, breaker=0.5, on_failure="ignore")))),
        "shop GET /shipping": Operation(4, ((Call("shipping GET /offers", 350, retries=2, backoff_ms=60),),)),
        "basket GET /basket": Operation(9),
        "basket POST /basket": Operation(
            14,
            (
                (Call("numbers POST /next", timeout_ms=800, retries=2, backoff_ms=40),),
                (Call("customers GET /me", timeout_ms=300), Call("taxes GET /rate", timeout_ms=300)),
            ),
        ),
        "numbers POST /next": Operation(90),
        "customers GET /me": Operation(10),
        "taxes GET /rate": Operation(8),
        "gifts GET /gifts": Operation(12),
        "coupons GET /mine": Operation(15),
        "shipping GET /offers": Operation(30, ((Call("carriers GET /offers", timeout_ms=330),),)),
        "carriers GET /offers": Operation(25),
    },
    routes=(Route(Call("shop GET /basket", timeout_ms=2600), 0.7), Route(Call("shop GET /shipping"), 0.3)),
    baseline_ms=150,
    threshold_ms=1500,
    pools={"numbers": Pool(size=2, queue_ms=1200)},
    load_rps=50.0,
    tiers={"guest": 0.15, "member": 0.85},
    noise=Noise(jitter=0.2, bursts=0.02),
)  # fmt: skip

BASKET = mesh_landscape(
    "basket",
    _HALF,
    _BASKET,
    {
        "dimensions": [
            one_of("fault_type", "delay", "abort", "none"),
            one_of("target_service", "basket", "gifts", "coupons", "shipping", "carriers", "customers", "taxes"),
            one_of("target_method", "any", "GET", "POST"),
            whole("percentage", 50, 100),
            whole("delay_ms", 20, 3000, log=True, when=is_("fault_type", "delay")),
            one_of("abort_status_code", 401, 404, 429, 500, 503, when=is_("fault_type", "abort")),
            one_of("tier", "any", "guest", "member"),
            whole("start_delay_ms", 0, 100),
            whole("duration_seconds", 20, 400),
            one_of("browser", "firefox", "chrome", "safari"),
            one_of("campaign", "spring", "summer", "autumn", "winter"),
            whole("retention_days", 1, 90, log=True),
            real("sampling", 0.01, 1.0, log=True),
        ],
        "constraints": [
            {"if": [among("abort_status_code", 500, 503)], "then": [below("percentage", 96)]},
            {"if": [is_("tier", "member")], "then": [below("percentage", 90)]},
        ],
    },
    {
        "baskets made anew until numbers fill up": lambda seen: seen.share("no room numbers") > 0.2,
        "gifts fail": lambda seen: seen.share("failed shop GET /basket > gifts GET /gifts") > 0.3,
        "baskets fail outright": lambda seen: (
            seen.share("failed shop GET /basket > basket POST /basket") > 0.3 and seen.share("no room numbers") < 0.1
        ),
        "shipping retried": lambda seen: seen.share("retried shop GET /shipping > shipping GET /offers") > 0.2,
    },
)
