"""A milder fault: less of what its kind can be milder in, such as a shorter delay."""

from __future__ import annotations

import math

from boifi_core.faults.kinds import PERCENTAGE, Scale
from boifi_core.findings.models import FactKind
from boifi_core.findings.passes.base import HARDLY_FEWER, Base, replaced
from boifi_core.findings.passes.lower import lower


def milder(base: Base, index: int) -> None:
    """The mildest fault, by bisection between what fails and the strongest that is known to hold."""
    scale = base.plans[index].kind.milder
    if scale is None or getattr(base.plans[index], scale.name) is None or scale.name not in base.floors:
        return
    _meet_more(base, index)

    def guess(fails: float, least: float) -> float | None:
        return _guess(base, index, scale, fails, least)

    lower(base, index, scale, max(1.0, base.floors[scale.name]), _held(base, index), guess)


def _meet_more(base: Base, index: int) -> None:
    """As many requests as any trial met: of few, a failure shows by chance, and its threshold would be chance."""
    most = PERCENTAGE.strongest(plan.percentage for trial in base.trials for plan in trial.plans) or 0.0
    if PERCENTAGE.name in base.floors and base.plans[index].percentage < HARDLY_FEWER * most:
        stronger = replaced(base.plans, index, PERCENTAGE.name, most)
        if base.shows(stronger):
            base.plans = stronger


def _held(base: Base, index: int) -> list[float]:
    """How strong faults at the same place were that did not show it, although they met hardly fewer requests."""
    plan = base.plans[index]
    return [
        float(other.strength)
        for other, shows in base.at_the_place(plan)
        if not shows
        and other.target_method in (None, plan.target_method)
        and other.percentage >= HARDLY_FEWER * plan.percentage
    ]


def _guess(base: Base, index: int, scale: Scale, fails: float, least: float) -> float | None:
    """A value between these at which the threshold may be: the mildest seen, or a time-out that was run into.

    A wait as long as the time-out exceeds it, and so does one that is shorter by what the call takes anyway.
    """
    given_up = (fact.value for fact in base.mode.signature if fact.kind is FactKind.TIMES_OUT and fact.value)
    waited = {round(value) for value in given_up} if scale.is_wait else set()
    just_below = math.ceil((1 - scale.close) * fails) if fails in waited else None
    guesses = [*sorted(waited, reverse=True), just_below, base.mildest_seen(index)]
    return next((float(guess) for guess in guesses if guess is not None and least < guess < fails), None)
