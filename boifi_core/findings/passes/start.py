"""Which trial's fault is to be made smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from boifi_core.findings.models import MINIMISE, FailureMode
from boifi_core.findings.passes.base import Plans
from boifi_core.models import Phase, Trial

_NEARLY = 0.9
"""A trial with this share of its failure's severity is nearly as bad."""


def made_for(mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str]) -> list[Trial]:
    """The trials that were to show the failure with a smaller fault."""
    return [trial for trial in trials if (start := _start(trial)) is not None and home.get(start) == mode.label]


def beginning(mode: FailureMode, trials: Sequence[Trial], made: Sequence[Trial]) -> Trial | None:
    """The trial that it begins with; None where that has no faults, or is not known.

    Args:
        made: those that were made for it already; they all began with the same.
    """
    number = _start(made[0]) if made else _clearest(mode, trials)
    return next((trial for trial in trials if trial.trial == number and trial.plans), None)


def _start(trial: Trial) -> int | None:
    if trial.why is None or trial.why.reason != MINIMISE or not trial.why.nearest:
        return None
    return trial.why.nearest[0].trial


def _clearest(mode: FailureMode, trials: Sequence[Trial]) -> int:
    """Of those nearly as bad as the worst, by the same faults, one that met most requests.

    A failure that strikes few of them shows by chance, and so would its threshold.
    """
    by_number = {trial.trial: trial for trial in trials}
    worst = by_number.get(mode.worst)
    if worst is None:
        return mode.worst
    alike = [
        trial
        for number in mode.trials
        if (trial := by_number.get(number)) is not None
        and trial.phase not in (Phase.MINIMISE, Phase.REPLAY)
        and _places(trial.plans) == _places(worst.plans)
        and (trial.severity or 0.0) >= _NEARLY * mode.severity
    ]
    return min(
        [worst, *alike], key=lambda trial: (-sum(plan.percentage for plan in trial.plans), trial is not worst)
    ).trial


def _places(plans: Plans) -> list[tuple[str, str, str]]:
    return sorted((plan.fault_type, plan.target_service or "", plan.target_path) for plan in plans)
