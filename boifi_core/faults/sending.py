"""What becomes of a fault on its way into the mesh: an injector rounds, leaves out, and sends some kinds alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from boifi_core.faults.plan import FaultPlan


@dataclass(frozen=True)
class Sending:
    """How an injector changes faults.

    Attributes:
        percentage_grain: percentages are rounded to multiples of it, half up, and to no less than it where they are
            above 0; 0 where they are sent as they are.
        drops: fields that it does not send.
        sent_as: kinds that it sends as it sends another one.
    """

    percentage_grain: float = 0
    drops: frozenset[str] = frozenset()
    sent_as: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def percentage(self, given: float) -> float:
        """The percentage that is sent, 0 to 100."""
        grain = self.percentage_grain
        if grain == 0 or given == 0:
            return given
        return float(max(grain, math.floor(given / grain + 0.5) * grain))

    def of(self, plan: FaultPlan) -> FaultPlan:
        """The plan as it is sent."""
        return plan.model_copy(update={"percentage": self.percentage(plan.percentage), **dict.fromkeys(self.drops)})
