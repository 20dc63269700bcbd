"""The smallest fault that still shows a failure, pass by pass: fewer faults, milder, narrower, then fewer requests.

What is asked next follows from the history alone, so that a session that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from boifi_core.findings.models import FailureMode, MinimalFault
from boifi_core.findings.passes.at_once import at_once
from boifi_core.findings.passes.base import Base, Plans, Unknown, simplicity
from boifi_core.findings.passes.fewer import fewer
from boifi_core.findings.passes.milder import milder
from boifi_core.findings.passes.narrower import narrower
from boifi_core.findings.passes.rarer import rarer
from boifi_core.findings.passes.start import beginning, made_for
from boifi_core.models import Dimension, Trial

MOST_TRIALS = 14
"""More than so many are not spent on one failure."""

_SURE = 2
"""Readings of the smallest fault."""


@dataclass(frozen=True)
class Question:
    """A fault of which must be known whether it shows the failure of the trial `start`."""

    start: int
    plans: Plans


def question(
    mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str], dimensions: Sequence[Dimension]
) -> Question | None:
    """What to try next for this failure; None where its smallest fault is known, or too much was tried."""
    made = made_for(mode, trials, home)
    begun = beginning(mode, trials, made)
    if begun is None or len(made) >= MOST_TRIALS:
        return None
    unknown = _shrink(Base(begun.plans, mode, trials, home, dimensions))
    return None if unknown is None else Question(begun.trial, unknown)


def minimal_fault(
    mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str], dimensions: Sequence[Dimension]
) -> MinimalFault | None:
    """The smallest fault known to show this failure; None where none was looked for.

    Args:
        trials: those with a real score, by number.
        home: the failure that each trial showed, by its label.
        dimensions: of the search space; they bound how small a fault may be.
    """
    made = made_for(mode, trials, home)
    begun = beginning(mode, trials, made)
    if begun is None or not made:
        return None
    base = Base(begun.plans, mode, trials, home, dimensions)
    unknown = _shrink(base)
    shown = [trial for trial in base.readings(base.plans) if home.get(trial.trial) == mode.label]
    if not shown:
        return None
    return MinimalFault(
        trial=shown[0].trial,
        plans=shown[0].plans,
        severity=fmean(trial.severity or 0.0 for trial in shown),
        thresholds=tuple(base.thresholds),
        dropped=tuple(base.dropped),
        tried=len(made),
        is_finished=unknown is None,
    )


def _shrink(base: Base) -> Plans | None:
    """Make the faults as small as the trials tell; returns those to measure next, None where all is known."""
    try:
        _all_passes(base)
    except Unknown as unknown:
        return unknown.plans
    return None


def _all_passes(base: Base) -> None:
    begun = base.plans
    fewer(base)
    for index in range(len(base.plans)):
        milder(base, index)
    # Of fewer requests, some still show it when the typical ones do not any more; but where no call tells that it
    # is this failure, that most of them fail is all that does.
    base.needs_typical &= base.mode.is_untraced
    at_once(base)
    for index in range(len(base.plans)):
        narrower(base, index)
        rarer(base, index)
    if simplicity(base.plans) != simplicity(begun) and len(base.readings(base.plans)) < _SURE:
        raise Unknown(base.plans)
