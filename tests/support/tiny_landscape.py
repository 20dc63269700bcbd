"""A landscape with every kind of dimension, a condition and a constraint, for tests of the search benchmark."""

from benchmarks.search.landscape import Landscape, Mode, Reading
from boifi_core.space import SearchSpace

SPACE = SearchSpace.parse(
    {
        "dimensions": [
            {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
            {"name": "target_service", "type": "categorical", "values": ["cart", "orders", None]},
            {"name": "percentage", "type": "integer", "min": 1, "max": 100, "log_scale": True},
            {"name": "load", "type": "real", "min": 0.0, "max": 1.0},
            {
                "name": "delay_ms",
                "type": "integer",
                "min": 0,
                "max": 3000,
                "condition": {"field": "fault_type", "operator": "equals", "value": "delay"},
            },
        ],
        "constraints": [
            {
                "if": {"field": "target_service", "operator": "equals", "value": "orders"},
                "then": {"field": "percentage", "operator": "less_than", "value": 50},
            }
        ],
    }
)


def truth(point):
    """Delays up to 2 s hurt the cart more and more."""
    hit = point["target_service"] == "cart" and point["fault_type"] == "delay"
    return 10 * min(point["delay_ms"] / 2000, 1.0) * point["percentage"] / 100 if hit else 0.0


TINY = Landscape(
    name="tiny",
    space=SPACE,
    read=lambda point, rng: Reading(
        min(10.0, max(0.0, truth(point) + rng.normal(0, 0.1))), {"latency_ms": point.get("delay_ms", 0)}
    ),
    truth=truth,
    optimum=10.0,
    optimum_at={"fault_type": "delay", "target_service": "cart", "percentage": 100, "load": 0.5, "delay_ms": 2500},
    modes=(
        Mode("slow", lambda point: point.get("delay_ms", 0) > 1000),
        Mode("never", lambda point: False),
    ),
    kind="shape",
    smooth=True,
)
