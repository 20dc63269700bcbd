"""Simulated meshes that are only ever reported on, weak in their time-outs; the comment above each says where."""

from __future__ import annotations

from benchmarks.search.build import mesh_landscape
from benchmarks.search.fields import below, fault, is_, one_of, real, whole
from benchmarks.search.mesh import Call, Mesh, Noise, Operation, Route

_HALF = "held_out"

# A transfer is checked by a fraud service or, failing that, by rules; it is booked in a ledger or, failing that, put in
# a queue. The ledger is tried twice. One fault delays, the other aborts: alone neither stops a transfer.
_TRANSFER = Mesh(
    operations={
        "bank POST /transfer": Operation(
            6,
            (
                (Call("limits GET /day", timeout_ms=200, fallback="limitcache GET /day"),),
                (Call("fraud POST /check", timeout_ms=300, fallback="rules POST /check"),),
                (Call("ledger POST /book", 450, retries=1, backoff_ms=30, fallback="queue POST /later"),),
                (Call("notify POST /push", timeout_ms=200, on_failure="ignore"),),
            ),
        ),
        "bank GET /balance": Operation(5, ((Call("ledger GET /sum", timeout_ms=400, on_failure="swallow"),),)),
        "limits GET /day": Operation(8),
        "limitcache GET /day": Operation(2),
        "fraud POST /check": Operation(25, ((Call("model POST /score", timeout_ms=280),),)),
        "model POST /score": Operation(15),
        "rules POST /check": Operation(6),
        "ledger POST /book": Operation(14, ((Call("store POST /rows", timeout_ms=900),),)),
        "ledger GET /sum": Operation(9),
        "store POST /rows": Operation(11, ((Call("journal POST /line", timeout_ms=500),),)),
        "journal POST /line": Operation(5),
        "queue POST /later": Operation(6),
        "notify POST /push": Operation(8),
    },
    routes=(Route(Call("bank POST /transfer", timeout_ms=3000), 0.9), Route(Call("bank GET /balance"), 0.1)),
    baseline_ms=150,
    threshold_ms=950,
    noise=Noise(jitter=0.2, bursts=0.03),
)

TRANSFER = mesh_landscape(
    "transfer",
    _HALF,
    _TRANSFER,
    {
        "dimensions": [
            one_of("slow.target_service", "fraud", "model", "ledger", "store", "notify"),
            whole("slow.delay_ms", 10, 2000, log=True),
            whole("slow.percentage", 40, 100),
            one_of("slow.target_method", "any", "GET", "POST"),
            whole("slow.start_delay_ms", 0, 50),
            one_of("gone.target_service", "limits", "rules", "ledger", "queue", "notify", "fraud"),
            one_of("gone.abort_status_code", 403, 429, 500, 503),
            whole("gone.percentage", 40, 100),
            one_of("gone.target_method", "any", "POST"),
            whole("duration_seconds", 30, 300),
            one_of("currency", "EUR", "USD", "JPY"),
            one_of("channel", "app", "web", "branch"),
        ],
        "fixed": {"slow.fault_type": "delay", "gone.fault_type": "abort"},
        # A ledger that refuses bookings outright would need people to mend it.
        "constraints": [
            {"if": [is_("gone.target_service", "ledger")], "then": [below("gone.percentage", 60)]},
            {"if": [is_("slow.target_service", "notify")], "then": [below("slow.delay_ms", 1000)]},
        ],
    },
    {
        "neither ledger nor queue": lambda seen: seen.share("failed bank POST /transfer > queue POST /later") > 0.2,
        "neither fraud nor rules": lambda seen: seen.share("failed bank POST /transfer > rules POST /check") > 0.2,
        "balance swallowed": lambda seen: seen.share("swallowed bank GET /balance > ledger GET /sum") > 0.03,
        "bookings retried": lambda seen: (
            seen.share("retried bank POST /transfer > ledger POST /book") > 0.5
            and seen.share("failed bank POST /transfer > queue POST /later") < 0.1
        ),
        "fraud check times out": lambda seen: (
            seen.share("timed out bank POST /transfer > fraud POST /check") > 0.3
            and seen.share("failed bank POST /transfer > rules POST /check") < 0.1
        ),
    },
)

# Dispatch looks for drivers in three steps, each of which waits 450 ms for the positions. When the first fails, zones
# stand in at once, and all is well. But three slow answers that are each in time add up to more than the 750 ms that
# the edge waits, and it asks twice more.
_RIDE = Mesh(
    operations={
        "edge POST /ride": Operation(4, ((Call("dispatch POST /ride", timeout_ms=750, retries=2, backoff_ms=25),),)),
        "edge GET /quote": Operation(4, ((Call("quotes GET /quote", timeout_ms=600),),)),
        "dispatch POST /ride": Operation(
            7,
            (
                (Call("drivers GET /near", timeout_ms=2000, fallback="zones GET /near"),),
                (
                    Call("trips POST /trip", timeout_ms=500),
                    Call("riders GET /me", timeout_ms=120, on_failure="swallow"),
                ),
            ),
        ),
        "drivers GET /near": Operation(
            5,
            (
                (Call("positions GET /cell", timeout_ms=450),),
                (Call("positions GET /ring", timeout_ms=450),),
                (Call("positions GET /eta", timeout_ms=450), Call("ratings GET /stars", 90, on_failure="ignore")),
            ),
        ),
        "quotes GET /quote": Operation(
            6,
            (
                (Call("tariffs GET /now", timeout_ms=200, fallback="tariffs GET /usual"),),
                (Call("surge GET /factor", timeout_ms=150, retries=1, on_failure="ignore"),),
            ),
        ),
        "zones GET /near": Operation(9),
        "positions GET /cell": Operation(8),
        "positions GET /ring": Operation(9),
        "positions GET /eta": Operation(12),
        "ratings GET /stars": Operation(6),
        "trips POST /trip": Operation(14),
        "riders GET /me": Operation(7),
        "tariffs GET /now": Operation(8),
        "tariffs GET /usual": Operation(3),
        "surge GET /factor": Operation(5),
    },
    routes=(Route(Call("edge POST /ride"), 0.8), Route(Call("edge GET /quote"), 0.2)),
    baseline_ms=180,
    threshold_ms=1800,
    noise=Noise(jitter=0.3, background=0.002),
)

RIDE = mesh_landscape(
    "ride",
    _HALF,
    _RIDE,
    [
        *fault(
            "",
            ["positions", "zones", "trips", "riders", "ratings", "tariffs", "surge"],
            delay_ms=(10, 2500),
            statuses=[404, 500, 503],
            least=30,
        ),
        whole("start_delay_ms", 0, 50),
        one_of("city", "Bern", "Lyon", "Oslo", "Turin"),
        real("ramp_share", 0.0, 1.0),
    ],
    {
        "slow answers add up": lambda seen: (
            seen.share("retried edge POST /ride > dispatch POST /ride") > 0.6
            and seen.share("failed dispatch POST /ride > trips POST /trip") < 0.1
        ),
        "trips refused": lambda seen: seen.share("failed dispatch POST /ride > trips POST /trip") > 0.3,
        "riders swallowed": lambda seen: seen.share("swallowed dispatch POST /ride > riders GET /me") > 0.1,
        "zones stand in": lambda seen: (
            seen.share("fell back dispatch POST /ride > drivers GET /near") > 0.3
            and seen.share("retried edge POST /ride > dispatch POST /ride") < 0.1
        ),
        "no tariff": lambda seen: seen.share("failed quotes GET /quote > tariffs GET /usual") > 0.05,
    },
)
