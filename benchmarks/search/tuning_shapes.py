"""Functions known to be hard, to tune on."""

from __future__ import annotations

import math

from benchmarks.search.build import shape_landscape
from benchmarks.search.fields import is_, one_of, real, whole
from benchmarks.search.shapes import Gaussian, HeavyTailed, hill, stairs, tent, unit
from boifi_core.models import Point

_HALF = "tuning"
_FIXED = {"fault_type": "delay", "delay_ms": 100}
"""A space must make faults; the functions don't look at these."""


def _four_of_twenty(point: Point) -> float:
    """Additive in four dimensions with one interaction; the other sixteen do nothing."""
    cache = {"off": 0.0, "shared": 1.0, "local": 2.2}[point["cache"]]
    size = 1.8 * stairs(unit(point["batch"], 1, 64, log=True), 5)
    skew = 2.0 * hill(point["skew"], 0.72, 0.12)
    together = 4.0 * hill(point["skew"], 0.72, 0.12) * (point["zone"] == "c") * (point["cache"] == "local")
    return cache + size + skew + together


FOUR_OF_TWENTY = shape_landscape(
    "four-of-twenty",
    _HALF,
    _four_of_twenty,
    Gaussian(0.5),
    {
        "dimensions": [
            one_of("cache", "off", "shared", "local"),
            one_of("zone", "a", "b", "c"),
            whole("batch", 1, 64, log=True),
            real("skew", 0.0, 1.0),
            *(one_of(f"flag_{number}", "on", "off") for number in range(5)),
            *(one_of(f"node_{number}", "n1", "n2", "n3", "n4", "n5") for number in range(4)),
            *(whole(f"limit_{number}", 1, 200, log=number % 2 == 0) for number in range(4)),
            *(real(f"share_{number}", 0.0, 1.0) for number in range(3)),
        ],
        "fixed": _FIXED,
    },
    {
        "skewed local cache in zone c": lambda point: _four_of_twenty(point) > 7.5,
        "large local batches elsewhere": lambda point: (
            point["cache"] == "local" and point["zone"] != "c" and point["batch"] > 28
        ),
    },
)


def _lure(point: Point) -> float:
    """A plateau of 5 over most of two services, which falls towards the narrow 10 of a third."""
    delay = unit(point["wait_ms"], 1, 10_000, log=True)
    load = unit(point["clients"], 1, 100)
    if point["service"] in ("a", "b"):
        return 5.0 * min(1.0, 2.5 * delay) * min(1.0, 3.0 * load)
    if point["service"] == "c":
        window = min(1.0, 2.0 * tent(delay, 0.36, 0.62)) * min(1.0, 2.0 * load)
        return 1.0 - load + (2.0 + 7.5 * (point["verb"] == "PUT")) * window
    return 1.0 * stairs(load, 3)


LURE = shape_landscape(
    "lure",
    _HALF,
    _lure,
    HeavyTailed(0.3),
    {
        "dimensions": [
            one_of("service", "a", "b", "c", "d", "e"),
            one_of("verb", "GET", "PUT", "POST"),
            whole("wait_ms", 1, 10_000, log=True),
            whole("clients", 1, 100),
            one_of("region", "north", "south", "east"),
            whole("start_delay_ms", 0, 50),
        ],
        "fixed": _FIXED,
    },
    {
        "c's window": lambda point: point["service"] == "c" and _lure(point) > 6.0,
        "plateau": lambda point: point["service"] in ("a", "b") and _lure(point) > 4.5,
    },
)


def _gentle_slopes(point: Point) -> float:
    """Severity rises with percentage and delay, by a factor of the service's own, and eases off at the top."""
    weight = {"orders": 1.0, "payments": 0.82, "stock": 0.6, "mail": 0.35}[point["target_service"]]
    share = point["share"] / 100
    delay = unit(point["wait_ms"], 10, 2000, log=True)
    return 9.6 * weight * math.tanh(1.6 * share) / math.tanh(1.6) * (0.25 + 0.75 * math.sin(1.9 * delay))


GENTLE_SLOPES = shape_landscape(
    "gentle-slopes",
    _HALF,
    _gentle_slopes,
    Gaussian(0.25),
    {
        "dimensions": [
            one_of("target_service", "orders", "payments", "stock", "mail"),
            whole("share", 1, 100),
            whole("wait_ms", 10, 2000, log=True),
            whole("start_delay_ms", 0, 50),
        ],
        "fixed": _FIXED,
    },
    {
        "orders slow": lambda point: point["target_service"] == "orders" and _gentle_slopes(point) > 7.0,
        "payments slow": lambda point: point["target_service"] == "payments" and _gentle_slopes(point) > 6.0,
    },
    smooth=True,
)


def _branches(point: Point) -> float:
    """Three kinds of load, each with dimensions of its own and an optimum of its own."""
    if point["load"] == "burst":
        return 8.0 * hill(unit(point["burst_size"], 10, 1000, log=True), 0.75, 0.22) * hill(point["gap_s"], 2.0, 1.2)
    if point["load"] == "ramp":
        return 2.0 + 4.5 * unit(point["slope"], 0.1, 10, log=True) - 1.5 * (point["gap_s"] / 5 - 0.3) ** 2
    return 9.5 * hill(point["level"], 62, 14) * hill(point["gap_s"], 3.6, 1.1) + 0.8 * unit(point["level"], 1, 100)


BRANCHES = shape_landscape(
    "branches",
    _HALF,
    _branches,
    Gaussian(0.3),
    {
        "dimensions": [
            one_of("load", "burst", "ramp", "steady"),
            whole("burst_size", 10, 1000, log=True, when=is_("load", "burst")),
            real("slope", 0.1, 10.0, log=True, when=is_("load", "ramp")),
            whole("level", 1, 100, when=is_("load", "steady")),
            real("gap_s", 0.0, 5.0),
        ],
        "fixed": _FIXED,
    },
    {
        "steady": lambda point: point["load"] == "steady" and _branches(point) > 7.0,
        "burst": lambda point: point["load"] == "burst" and _branches(point) > 6.0,
        "ramp": lambda point: point["load"] == "ramp" and _branches(point) > 5.0,
    },
    smooth=True,
)
