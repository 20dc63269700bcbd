"""The session itself: its facts, its errors, and where its time went."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.models import Trial
from boifi_core.report.facts import ReportInput, TriedFault, overview
from boifi_core.report.steps import step_times, troubles
from boifi_core.report.tables import Table, number, numbers


def facts(report: ReportInput, found: Sequence[TriedFault]) -> Table:
    """Which session this was, and how it ended."""
    rows = (("Session", report.session_id), *overview(report, found))
    return Table("Facts of the session", ("what", "value"), rows)


def errors(trials: Sequence[Trial]) -> Table:
    """What went wrong in trials, the same reasons together."""
    rows = tuple(
        (str(len(trouble.trials)), trouble.status, trouble.reason, numbers(trouble.trials))
        for trouble in troubles(trials)
    )
    return Table("Errors", ("trials", "what", "reason", "which"), rows, frozenset({0}))


def steps(trials: Sequence[Trial]) -> Table:
    """How long each step of a trial took."""
    rows = tuple(
        (time.step, str(time.n), number(time.median_ms), number(time.p95_ms), number(time.total_s))
        for time in step_times(trials)
    )
    head = ("step", "trials", "median, ms", "95th percentile, ms", "in all, s")
    return Table("Wall time of each step of a trial", head, rows, frozenset({1, 2, 3, 4}))
