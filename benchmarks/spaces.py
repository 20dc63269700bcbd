"""Search spaces of five dimensions a fault, and a severity over them."""

from __future__ import annotations

import math
from typing import Any

from boifi_core.models import Point
from boifi_core.space import SearchSpace

_SERVICES = ["cart", "orders", "payments", "inventory", "reviews", "catalogue"]
_DIMENSIONS_PER_FAULT = 5


def space_of(dimensions: int) -> SearchSpace:
    """Categorical, integer, real, and one that is there for a delay only; of 20 dimensions, four faults at once."""
    faults, rest = divmod(dimensions, _DIMENSIONS_PER_FAULT)
    if rest or not faults:
        raise ValueError(f"dimensions must be a multiple of {_DIMENSIONS_PER_FAULT}, got {dimensions}")
    return SearchSpace.parse([dimension for fault in range(faults) for dimension in _of_one_fault(f"f{fault}.")])


def severity(point: Point) -> float:
    """Mostly flat, with steps and an interaction, as of a mesh; 0 to 10."""
    worst = 0.0
    for name, service in point.items():
        prefix, _, field = name.partition(".")
        if field != "target_service":
            continue
        delay_ms = point.get(f"{prefix}.delay_ms", 0)
        hit = 6.0 * (service == "payments") + 2.0 * (service in ("orders", "cart")) + 2.0 * (delay_ms > 300)
        worst = max(worst, hit * point[f"{prefix}.percentage"] / 100 + math.sin(3 * point[f"{prefix}.load"]))
    return max(0.0, min(10.0, worst))


def _of_one_fault(prefix: str) -> list[dict[str, Any]]:
    is_delay = {"field": f"{prefix}fault_type", "operator": "equals", "value": "delay"}
    return [
        {"name": f"{prefix}fault_type", "type": "categorical", "values": ["delay", "abort"]},
        {"name": f"{prefix}target_service", "type": "categorical", "values": _SERVICES},
        {"name": f"{prefix}percentage", "type": "integer", "min": 10, "max": 100},
        {"name": f"{prefix}load", "type": "real", "min": 0.0, "max": 1.0},
        {"name": f"{prefix}delay_ms", "type": "integer", "min": 10, "max": 2000, "log_scale": True,
         "condition": is_delay},
    ]  # fmt: skip
