"""Severity over the trials, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from boifi_core.history.readings import rankable
from boifi_core.models import Trial
from boifi_core.report.facts import ReportInput, fault_text
from boifi_core.report.tables import Table, number


def incumbents(trials: Sequence[Trial]) -> list[float | None]:
    """After each trial the highest reading so far; None before the first."""
    counting = {trial.trial for trial in rankable(trials)}
    readings = [trial.severity if trial.trial in counting else None for trial in trials]

    def worse(so_far: float | None, reading: float | None) -> float | None:
        return so_far if reading is None else max(reading, so_far or 0.0)

    return list(accumulate(readings, worse))


def trials(report: ReportInput) -> Table:
    """Every trial as a row, in order."""
    rows = [
        (
            str(trial.trial),
            trial.phase,
            trial.status.value,
            number(trial.severity),
            number(so_far),
            mode.label if (mode := report.catalogue.mode_of(trial.trial)) else "",
            fault_text(trial.plans),
        )
        for trial, so_far in zip(report.trials, incumbents(report.trials), strict=True)
    ]
    head = ("trial", "phase", "status", "severity", "worst so far", "failure", "fault")
    return Table("Every trial", head, tuple(rows), frozenset({0, 3, 4}), links=5)
