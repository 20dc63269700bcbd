"""What can be tried: dimensions, conditions, constraints, and the faults that a point stands for."""

from boifi_core.space.condition import Condition
from boifi_core.space.constraint import Constraint
from boifi_core.space.dimension import Dimension
from boifi_core.space.space import SearchSpace

__all__ = ["Condition", "Constraint", "Dimension", "SearchSpace"]
