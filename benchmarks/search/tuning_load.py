"""Simulated meshes to tune on, weak in their retries and pools; the comment above each says where."""

from __future__ import annotations

from benchmarks.search.build import mesh_landscape
from benchmarks.search.fields import among, below, fault, is_, one_of, real, whole
from benchmarks.search.mesh import Call, Mesh, Noise, Operation, Pool, Route

_HALF = "tuning"

# A search page asks six services at once and goes on without most of them. Ranking's failure is swallowed into a wrong
# 200 with an ERROR line; a missing profile (404) counts as "nobody"; a 429 is neither retried nor replaced. The index
# is retried by the page and again by the edge: four calls where one was. The default flags have no time-out, so that a
# slow flag service holds the page until the edge gives up, and tries again.
_SEARCH_PAGE = Mesh(
    operations={
        "edge GET /search": Operation(
            4, ((Call("page GET /search", timeout_ms=1400, retries=1, backoff_ms=30, lenient=frozenset({429})),),)
        ),
        "edge GET /suggest": Operation(3, ((Call("suggest GET /words", timeout_ms=300, on_failure="ignore"),),)),
        "page GET /search": Operation(
            10,
            (
                (
                    Call("profile GET /me", timeout_ms=150, lenient=frozenset({404}), on_failure="ignore"),
                    Call("flags GET /all", timeout_ms=100, fallback="flags GET /default"),
                ),
                (
                    Call("index GET /shards", timeout_ms=500, retries=1, backoff_ms=40),
                    Call("ranking POST /order", timeout_ms=400, retries=1, on_failure="swallow"),
                    Call("ads GET /slots", timeout_ms=200, on_failure="ignore"),
                ),
            ),
        ),
        "suggest GET /words": Operation(9),
        "profile GET /me": Operation(11),
        "flags GET /all": Operation(5),
        "flags GET /default": Operation(2),
        "index GET /shards": Operation(30),
        "ranking POST /order": Operation(22, ((Call("features GET /vector", timeout_ms=450),),)),
        "features GET /vector": Operation(12),
        "ads GET /slots": Operation(16),
    },
    routes=(Route(Call("edge GET /search"), 0.9), Route(Call("edge GET /suggest"), 0.1)),
    baseline_ms=150,
    threshold_ms=2000,
    tiers={"free": 0.75, "paid": 0.25},
    noise=Noise(jitter=0.2, background=0.002),
)

SEARCH_PAGE = mesh_landscape(
    "search-page",
    _HALF,
    _SEARCH_PAGE,
    [
        *fault(
            "",
            ["page", "suggest", "profile", "flags", "index", "ranking", "features", "ads"],
            delay_ms=(10, 4000),
            statuses=[404, 429, 500, 503],
            least=50,
        ),
        one_of("target_path", "/", "/s", "/all"),
        one_of("target_method", "any", "GET", "POST"),
        one_of("tier", "any", "free", "paid"),
        whole("start_delay_ms", 0, 100),
        whole("duration_seconds", 60, 600),
    ],
    {
        "page cut at the edge": lambda seen: (
            seen.share("failed edge GET /search > page GET /search") > 0.3
            and seen.share("failed page GET /search > index GET /shards") < 0.1
        ),
        "index retried twice over": lambda seen: seen.share("retried page GET /search > index GET /shards") > 0.9,
        "flags gone with their default": lambda seen: seen.share("failed page GET /search > flags GET /default") > 0.1,
        "ranking swallowed": lambda seen: seen.share("swallowed page GET /search > ranking POST /order") > 0.1,
    },
)

# Rooms works on eight requests at once. A supplier that answers just before its time-out (1,500 ms) holds all eight,
# and bookings, lists and prices starve behind it; a slower one trips the breaker, which frees them. The list has its
# own cache, the invoice is written later, and loyalty points are swallowed.
_BOOKING = Mesh(
    operations={
        "gateway POST /book": Operation(
            5,
            (
                (Call("rooms POST /hold", timeout_ms=1800),),
                (Call("loyalty POST /points", timeout_ms=200, on_failure="swallow"),),
                (Call("invoice POST /write", timeout_ms=250, retries=1, on_failure="ignore"),),
            ),
        ),
        "gateway GET /rooms": Operation(
            5, ((Call("rooms GET /list", timeout_ms=500, retries=2, backoff_ms=50, fallback="cache GET /list"),),)
        ),
        "gateway GET /price": Operation(4, ((Call("rooms GET /price", timeout_ms=450, retries=2, backoff_ms=50),),)),
        "rooms POST /hold": Operation(
            12,
            (
                (
                    Call("supplier POST /confirm", timeout_ms=1500, breaker=0.5),
                    Call("calendar GET /days", timeout_ms=500),
                ),
            ),
        ),
        "rooms GET /list": Operation(15),
        "rooms GET /price": Operation(9, ((Call("rates GET /today", timeout_ms=300, on_failure="ignore"),),)),
        "supplier POST /confirm": Operation(60),
        "calendar GET /days": Operation(20),
        "rates GET /today": Operation(10),
        "cache GET /list": Operation(3),
        "loyalty POST /points": Operation(9),
        "invoice POST /write": Operation(14),
    },
    routes=(
        Route(Call("gateway POST /book"), 0.4),
        Route(Call("gateway GET /rooms"), 0.2),
        Route(Call("gateway GET /price"), 0.4),
    ),
    baseline_ms=150,
    threshold_ms=1400,
    pools={"rooms": Pool(size=8, queue_ms=700)},
    load_rps=22.0,
    noise=Noise(jitter=0.2, bursts=0.03),
)

BOOKING = mesh_landscape(
    "booking",
    _HALF,
    _BOOKING,
    {
        "dimensions": [
            *fault(
                "",
                ["supplier", "calendar", "rates", "cache", "loyalty", "invoice"],
                delay_ms=(10, 5000),
                statuses=[400, 429, 500, 502, 503],
                least=40,
            ),
            one_of("target_method", "any", "GET", "POST"),
            one_of("locale", "de", "en", "fr", "ja"),
            one_of("client", "web", "ios", "android"),
            whole("duration_seconds", 30, 300),
            whole("start_delay_ms", 0, 200),
            real("ramp_share", 0.0, 1.0),
        ],
        "constraints": [
            {"if": [is_("fault_type", "abort")], "then": [below("percentage", 81)]},
            {"if": [among("target_service", "loyalty", "invoice")], "then": [below("duration_seconds", 200)]},
        ],
    },
    {
        "rooms starved": lambda seen: seen.share("timed out gateway GET /price > rooms GET /price") > 0.3,
        "points swallowed": lambda seen: seen.share("swallowed gateway POST /book > loyalty POST /points") > 0.05,
        "holds fail": lambda seen: (
            seen.share("failed gateway POST /book > rooms POST /hold") > 0.15
            and seen.share("timed out gateway GET /price > rooms GET /price") < 0.1
        ),
        "supplier's breaker opens": lambda seen: seen.share("refused rooms POST /hold > supplier POST /confirm") > 0.1,
    },
)
