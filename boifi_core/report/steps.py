"""Where the time went, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from boifi_core.models import StepDurations, Trial, TrialStatus
from boifi_core.session.trial import TRACES, without_numbers


@dataclass(frozen=True)
class StepTime:
    """One step's wall time over all trials that reached it: median and 95th percentile in ms, the sum in seconds."""

    step: str
    n: int
    median_ms: float
    p95_ms: float
    total_s: float


@dataclass(frozen=True)
class Trouble:
    """Trials that ended alike without being sound: their status, the reason, and their numbers."""

    status: str
    reason: str
    trials: tuple[int, ...]


def step_times(trials: Sequence[Trial]) -> list[StepTime]:
    """Each step that any trial reached, in the order of a trial."""
    times = []
    for field in StepDurations.model_fields:
        values = [value for trial in trials if (value := getattr(trial.durations, field)) is not None]
        if values:
            p95 = float(np.percentile(values, 95))
            step = field.removesuffix("_ms")
            times.append(StepTime(step, len(values), float(np.median(values)), p95, sum(values) / 1000))
    return times


def troubles(trials: Sequence[Trial]) -> list[Trouble]:
    """Every failed, skipped and degraded trial, and every fallback score, by reason; the most frequent first.

    Reasons about traces are alike whatever is counted in them; the first is shown.
    """
    grouped: dict[tuple[str, str], tuple[str, list[int]]] = {}
    for trial in trials:
        for status, reason in _reasons(trial):
            alike = without_numbers(reason) if reason.startswith(TRACES) else reason
            grouped.setdefault((status, alike), (reason, []))[1].append(trial.trial)
    found = [Trouble(status, reason, tuple(numbers)) for (status, _), (reason, numbers) in grouped.items()]
    return sorted(found, key=lambda trouble: (-len(trouble.trials), trouble.trials))


def _reasons(trial: Trial) -> list[tuple[str, str]]:
    reasons = []
    if trial.status in (TrialStatus.FAILED, TrialStatus.SKIPPED):
        reasons.append((trial.status.value, trial.reason or "no reason given"))
    elif trial.status is TrialStatus.DEGRADED:
        seen = trial.observation.degraded if trial.observation is not None else ()
        reasons += [(trial.status.value, reason) for reason in seen or (trial.reason or "no reason given",)]
    if trial.score is not None:
        reasons += [("fallback", f"the {name} score could not be computed") for name in trial.score.fallback]
    return reasons
