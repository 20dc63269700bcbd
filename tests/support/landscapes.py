"""Made-up targets with known worst faults, to measure how well a search does.

Each has a mixed space of eight to ten dimensions and a severity of 0 to 10 that a real mesh could show: mostly flat,
with steps, interactions and narrow windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from boifi_core.models import Point
from boifi_core.space import SearchSpace


@dataclass(frozen=True)
class Landscape:
    """A search space, the severity of each of its points, and the highest there is."""

    name: str
    space: SearchSpace
    severity: Callable[[Point], float]
    highest: float = 10.0


def _where(value: str) -> dict[str, Any]:
    return {"field": "fault_type", "operator": "equals", "value": value}


def _one_of(name: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "categorical", "values": list(values), **more}


def _integer(name: str, low: int, high: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "integer", "min": low, "max": high, **more}


_MESH = SearchSpace.parse(
    [
        _one_of("fault_type", "delay", "abort", "none"),
        _one_of("target_service", "gateway", "cart", "orders", "payments", "inventory", "reviews"),
        _one_of("target_method", "GET", "POST"),
        _integer("percentage", 10, 100),
        _integer("delay_ms", 10, 2000, log_scale=True, condition=_where("delay")),
        _one_of("abort_status_code", 429, 500, 503, condition=_where("abort")),
        _integer("start_delay_ms", 0, 50),
        {"name": "load", "type": "real", "min": 0.0, "max": 1.0},
    ]
)


def _timeout(point: Point) -> float:
    """A caller times out before its callee: a step in the delay, worst for one service."""
    if point["fault_type"] != "delay":
        return 0.5 if point["fault_type"] == "abort" else 0.0
    base = {"payments": 6.0, "orders": 4.0, "cart": 2.0}.get(point["target_service"], 0.5)
    if point["delay_ms"] < 300:
        return base * point["delay_ms"] / 1200
    return min(10.0, base * (0.7 + point["percentage"] / 100 * 0.9666667))


def _window(point: Point) -> float:
    """A pool that saturates at a middling delay only: a narrow window with a slope on either side."""
    if point["fault_type"] != "delay" or point["target_service"] not in ("inventory", "cart"):
        return 0.0
    top = 10.0 if point["target_service"] == "inventory" else 4.0
    away = abs(math.log(point["delay_ms"] / 180))
    share = min(1.0, point["percentage"] / 80)
    return top * share * (1.0 if away < 0.15 else 0.45 * math.exp(-away))


def _storm(point: Point) -> float:
    """Retries that multiply: one status, POST only, on a busy target."""
    if point["fault_type"] != "abort":
        return 0.2
    severity = 1.0 + 2.0 * (point["abort_status_code"] == 503)
    if point["target_service"] == "orders":
        severity += 2.0
        if point["target_method"] == "POST" and point["abort_status_code"] == 503:
            severity += 5.0 * min(1.0, 0.4 + 0.6 * point["load"] + 0.2 * (point["percentage"] > 50))
    return min(10.0, severity)


_PAIR = SearchSpace.parse(
    [
        _one_of("a.fault_type", "delay", "abort", "none"),
        _one_of("a.target_service", "cart", "orders", "payments", "inventory", "reviews"),
        _integer("a.percentage", 10, 100),
        _integer("a.delay_ms", 10, 1000, condition={**_where("delay"), "field": "a.fault_type"}),
        _one_of("b.fault_type", "delay", "abort", "none"),
        _one_of("b.target_service", "cart", "orders", "payments", "inventory", "reviews"),
        _integer("b.percentage", 10, 100),
        _integer("b.delay_ms", 10, 1000, condition={**_where("delay"), "field": "b.fault_type"}),
        _one_of("target_method", "GET", "POST"),
    ]
)


def _pair(point: Point) -> float:
    """A fallback that fails when two things fail together; each alone is a stepping stone."""
    severity, hit = 0.3, []
    for prefix, service in (("a", "inventory"), ("b", "payments")):
        kind = point[f"{prefix}.fault_type"]
        if kind == "none" or point[f"{prefix}.target_service"] != service:
            continue
        share = point[f"{prefix}.percentage"] / 100
        strength = (
            share if kind == "abort" else share * min(1.0, point["a.delay_ms" if prefix == "a" else "b.delay_ms"] / 400)
        )
        hit.append(strength)
        severity += 2.0 * strength
    return min(10.0, severity + 5.7 * math.prod(hit)) if len(hit) == 2 else severity


LANDSCAPES = (
    Landscape("timeout", _MESH, _timeout),
    Landscape("window", _MESH, _window),
    Landscape("storm", _MESH, _storm),
    Landscape("pair", _PAIR, _pair),
)
