"""A number of a fault, made as low as it may be: what the passes for milder and for rarer faults share."""

from __future__ import annotations

from collections.abc import Callable, Collection

from boifi_core.faults.kinds import Scale
from boifi_core.findings.models import Threshold
from boifi_core.findings.passes.base import Base, Plans, replaced
from boifi_core.findings.passes.bisection import Bracket, bisect, bracket
from boifi_core.history.readings import plans_key


def lower(
    base: Base,
    index: int,
    scale: Scale,
    floor: float,
    told: Collection[float] = (),
    guess: Callable[[float, float], float | None] = lambda fails, least: None,
) -> None:
    """Lower one fault's number to the least that shows the failure, and note the threshold.

    Args:
        told, guess: see `bracket` and `bisect`.
    """

    def with_(value: float) -> Plans:
        return replaced(base.plans, index, scale.name, scale.rounded(value))

    def look() -> Bracket:
        known = bracket(_said(base, index, scale), float(getattr(base.plans[index], scale.name)), told, floor)
        base.plans = with_(known.fails)
        return known

    fails, holds = bisect(look, lambda value: base.shows(with_(value)), scale, floor, guess)
    plan = base.plans[index]
    label = scale.name if len(base.plans) == 1 else f"{plan.target_service or plan.target_path} {scale.name}"
    base.thresholds.append(Threshold(dimension=label, fails_at=fails, holds_at=holds, unit=scale.unit))


def _said(base: Base, index: int, scale: Scale) -> dict[float, list[bool]]:
    """Whether each reading of these faults showed it, by the number."""
    pattern, now = plans_key(base.plans), getattr(base.plans[index], scale.name)
    said: dict[float, list[bool]] = {}
    for trial in base.trials:
        if len(trial.plans) == len(base.plans):
            value = getattr(trial.plans[index], scale.name)
            if value is not None and plans_key(replaced(trial.plans, index, scale.name, now)) == pattern:
                said.setdefault(float(value), []).append(base.is_shown_by(trial))
    return said
