"""What a session tries next."""

from __future__ import annotations

from dataclasses import dataclass

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Choice, Point


@dataclass(frozen=True)
class Proposal:
    """What to try next, as it will be sent, what the model expects of it (None before there is a model), and why.

    `phase` is whose trial it is. `wants_control` asks for a fault-free run just before it. Its faults are
    to be in force for `hold_s` seconds at least, see `session.healing`.
    """

    point: Point
    plans: tuple[FaultPlan, ...]
    phase: str
    predicted_mean: float | None = None
    predicted_std: float | None = None
    why: Choice | None = None
    wants_control: bool = False
    hold_s: float = 0.0
