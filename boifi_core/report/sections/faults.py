"""The worst faults one by one, and those that no other exceeds in all three scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from boifi_core.history.readings import times
from boifi_core.report.facts import ReportInput, TriedFault, kinds, why
from boifi_core.report.reasons import tried_because
from boifi_core.report.tables import Table, number

WORST = 10
FRONT = 12


def worst_faults(report: ReportInput, found: Sequence[TriedFault]) -> Table:
    """The worst faults, one of each kind."""
    rows = tuple(
        (
            number(tried.severity),
            times(len(tried.severities)),
            str(tried.trial.trial),
            str(alike),
            tried.fault,
            why(tried, report),
            tried_because(tried.first) or "–",
        )
        for tried, alike in kinds(found)[:WORST]
    )
    head = ("severity", "measured", "trial", "alike", "fault", "why", "why it was tried")
    return Table(f"The {WORST} worst faults", head, rows, frozenset({0, 2, 3}))


def front(front: Iterable[TriedFault]) -> Table:
    """The Pareto front of the three scores."""
    rows = tuple((*map(number, tried.scores), str(tried.trial.trial), tried.fault) for tried in front)
    head = ("bugs", "performance", "structure", "trial", "fault")
    return Table("Pareto front of the three scores", head, rows, frozenset({0, 1, 2, 3}))
