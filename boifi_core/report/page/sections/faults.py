"""The worst faults one by one, and those that no other exceeds in all three scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from boifi_core.history.readings import times
from boifi_core.report.facts import Finding, ReportInput, kinds, why
from boifi_core.report.page.table import Table
from boifi_core.report.reasons import tried_because
from boifi_core.report.tables import number

WORST = 10
FRONT = 12


def worst_faults(report: ReportInput, found: Sequence[Finding]) -> Table:
    """The worst faults, one of each kind."""
    rows = tuple(
        (
            number(finding.severity),
            times(len(finding.severities)),
            str(finding.trial.trial),
            str(alike),
            finding.fault,
            why(finding, report),
            tried_because(finding.first) or "–",
        )
        for finding, alike in kinds(found)[:WORST]
    )
    head = ("severity", "measured", "trial", "alike", "fault", "why", "why it was tried")
    return Table(f"The {WORST} worst faults", head, rows, frozenset({0, 2, 3}))


def front(front: Iterable[Finding]) -> Table:
    """The Pareto front of the three scores."""
    rows = tuple((*map(number, finding.scores), str(finding.trial.trial), finding.fault) for finding in front)
    head = ("bugs", "performance", "structure", "trial", "fault")
    return Table("Pareto front of the three scores", head, rows, frozenset({0, 1, 2, 3}))
