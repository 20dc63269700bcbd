"""How the target heals: as before soon after the fault is gone, late, or not by itself at all."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from boifi_core.analyzer.normal import Normal
from boifi_core.findings.likeness import Failure
from boifi_core.findings.models import CAUSE, ECHO, Fact, FactKind
from boifi_core.findings.signature import signature
from boifi_core.findings.words import time_text
from boifi_core.models import Trial

DOWN_SEVERITY = 10.0
"""Of a failure from which the target does not come back: nothing that ends with its fault is as bad."""

_LEAST_MS = 1_000.0
_FACTOR = 2.0
"""Late is what takes more than a second, and so many times longer than requests under way were held up, or than one
window takes: the target is looked at no oftener."""

_LEAST = 2
"""In so many trials of a failure at least: once may be chance."""


def is_late(trial: Trial) -> bool:
    """Whether the target was as before only long after the fault was gone."""
    if trial.healed_ms is None:
        return False
    held_up_ms = sum(plan.wait_ms for plan in trial.plans)
    return trial.healed_ms > max(_LEAST_MS, _FACTOR * max(held_up_ms, trial.durations.observe_ms or 0.0))


def heals_late(members: Sequence[Trial]) -> tuple[Fact, ...]:
    """The fact that the target heals late from a failure, where most of its trials that were watched say so.

    It joins and parts no failures: a breaker that stays open for seconds is no other failure than one that does not.
    """
    watched = [trial for trial in members if trial.healed_ms is not None]
    late = [trial.healed_ms or 0.0 for trial in watched if is_late(trial)]
    if len(late) < _LEAST or 2 * len(late) <= len(watched):
        return ()
    says = f"as before only {time_text(median(late))} after the fault is gone"
    return (Fact(kind=FactKind.HEALS_LATE, where="", says=says, weight=ECHO, value=median(late)),)


def stays_down(trial: Trial, normal: Normal) -> Failure:
    """What stayed after a fault that the target did not come back from."""
    stayed = trial.aftermath
    assert stayed is not None
    says = f"the target does not come back within {time_text(stayed.after_ms)} after the fault is gone"
    down = Fact(kind=FactKind.STAYS_DOWN, where="", says=says, weight=CAUSE, value=stayed.after_ms)
    return Failure.of((down, *signature(stayed.observation, normal)), trial.plans)
