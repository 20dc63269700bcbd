"""Functions known to be hard that are only ever reported on."""

from __future__ import annotations

import math

from benchmarks.search.build import shape_landscape
from benchmarks.search.fields import is_, one_of, real, whole
from benchmarks.search.shapes import Gaussian, HeavyTailed, hill, stairs, unit
from boifi_core.models import Point

_HALF = "held_out"
_FIXED = {"fault_type": "delay", "delay_ms": 100}
"""A space must make faults; the functions don't look at these."""


def _needle(point: Point) -> float:
    """A narrow peak on a logarithmic scale with a wide foot, and a second, lower one for another protocol."""
    size = unit(point["size_b"], 1, 1_000_000, log=True)
    rate = unit(point["rate"], 1, 5000, log=True)
    if point["protocol"] == "grpc":
        away = math.hypot(size - 0.71, 0.7 * (rate - 0.62))
        return 2.5 * max(0.0, 1 - 1.6 * away) + 7.5 / (1 + (away / 0.12) ** 4)
    if point["protocol"] == "http2":
        return 6.5 * hill(size, 0.25, 0.15) * stairs(rate, 4)
    return 0.5 * rate


NEEDLE = shape_landscape(
    "needle",
    _HALF,
    _needle,
    HeavyTailed(0.35),
    {
        "dimensions": [
            one_of("protocol", "http1", "http2", "grpc"),
            whole("size_b", 1, 1_000_000, log=True),
            whole("rate", 1, 5000, log=True),
            one_of("codec", "gzip", "br", "none"),
            real("skew", 0.0, 1.0),
            whole("streams", 1, 100, log=True),
            one_of("node", "n1", "n2", "n3", "n4"),
            whole("start_delay_ms", 0, 50),
        ],
        "fixed": _FIXED,
    },
    {
        "needle": lambda point: point["protocol"] == "grpc" and _needle(point) > 6.5,
        "low sizes": lambda point: point["protocol"] == "http2" and _needle(point) > 5.0,
    },
)

_ZONES = {"a1": 0, "a2": 0, "b1": 1, "b2": 1, "c1": 2}


def _either_or(point: Point) -> float:
    """Two faults that hurt when they hit different zones with different kinds, and next to nothing otherwise."""
    first, second = _ZONES[point["x.place"]], _ZONES[point["y.place"]]
    strength = min(point["x.strength"], point["y.strength"]) / 100
    if first == second or 2 in (first, second):
        return 1.2 * stairs(point["x.strength"] / 100, 3)
    if point["x.kind"] == point["y.kind"]:
        return 4.0 * stairs(strength, 4)
    bonus = 2.5 * (point["order"] == "together")
    return min(10.0, (8.2 + bonus) * stairs(1.2 * strength, 6))


EITHER_OR = shape_landscape(
    "either-or",
    _HALF,
    _either_or,
    Gaussian(0.6),
    {
        "dimensions": [
            *(
                dimension
                for prefix in ("x.", "y.")
                for dimension in (
                    one_of(f"{prefix}place", *_ZONES),
                    one_of(f"{prefix}kind", "cut", "slow"),
                    whole(f"{prefix}strength", 1, 100),
                    whole(f"{prefix}start_delay_ms", 0, 50),
                    one_of(f"{prefix}target_method", "GET", "POST", "PUT"),
                )
            ),
            one_of("order", "together", "in turn", "at random"),
            real("ramp", 0.0, 1.0),
            one_of("client", "web", "app", "batch"),
            whole("users", 1, 500, log=True),
        ],
        "fixed": _FIXED,
        # A cut of both places at full strength is not allowed.
        "constraints": [
            {"if": [is_("x.kind", "cut"), is_("y.kind", "cut")],
             "then": [{"field": "y.strength", "operator": "less_than", "value": 60}]},
        ],
    },
    {
        "two zones, two kinds": lambda point: _either_or(point) > 6.5,
        "two zones, one kind": lambda point: point["x.kind"] == point["y.kind"] and _either_or(point) > 2.5,
    },
)  # fmt: skip


def _saturation(point: Point) -> float:
    """The plan's kind: a delay or an abort whose effect grows along an S and levels off near 10."""
    weight = {"search": 0.9, "cart": 2.2, "login": 3.0, "help": -0.4, "billing": 1.6}[point["target_service"]]
    share = point["share"] / 100
    if point["kind"] == "delay":
        push = weight + 3.2 * share + 2.6 * unit(point["wait_ms"], 10, 3000, log=True) - 5.2
    else:
        push = 0.8 * weight + 4.0 * share + 0.5 * (point["status"] == 503) - 3.6
    return 10.0 / (1 + math.exp(-0.9 * push))


SATURATION = shape_landscape(
    "saturation",
    _HALF,
    _saturation,
    Gaussian(0.3),
    {
        "dimensions": [
            one_of("kind", "delay", "abort"),
            one_of("target_service", "search", "cart", "login", "help", "billing"),
            whole("share", 1, 100),
            whole("wait_ms", 10, 3000, log=True, when=is_("kind", "delay")),
            one_of("status", 500, 503, when=is_("kind", "abort")),
            whole("start_delay_ms", 0, 50),
        ],
        "fixed": _FIXED,
    },
    {
        "login delayed": lambda point: point["kind"] == "delay" and _saturation(point) > 8.8,
        "login aborted": lambda point: point["kind"] == "abort" and _saturation(point) > 8.4,
    },
    smooth=True,
)


def _ridge(point: Point) -> float:
    """A ridge along which two numbers trade off against each other, highest at one end for one of two hosts."""
    threads = unit(point["threads"], 1, 256, log=True)
    think = point["think_s"] / 4
    along, across = (threads + think) / 2, threads - think + 0.15
    peak = 9.8 * hill(across, 0.0, 0.28) * hill(along, 0.62, 0.30)
    return peak * {"large": 1.0, "small": 0.75}[point["host"]] + 0.9 * (point["heap_mb"] - 64) / 960 - 0.4


RIDGE = shape_landscape(
    "ridge",
    _HALF,
    _ridge,
    Gaussian(0.25),
    {
        "dimensions": [
            whole("threads", 1, 256, log=True),
            real("think_s", 0.0, 4.0),
            one_of("host", "large", "small"),
            whole("heap_mb", 64, 1024),
            one_of("zone", "a", "b"),
        ],
        "fixed": _FIXED,
    },
    {
        "large host": lambda point: point["host"] == "large" and _ridge(point) > 7.5,
        "small host": lambda point: point["host"] == "small" and _ridge(point) > 5.5,
    },
    smooth=True,
)
