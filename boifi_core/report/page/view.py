"""What the page says, as plain text and tables; the template decides how it looks."""

from __future__ import annotations

from dataclasses import dataclass, field

from boifi_core.report.advice import advice
from boifi_core.report.facts import ReportInput, pareto_front, tried_faults
from boifi_core.report.failures import by_itself
from boifi_core.report.influence import influences
from boifi_core.report.sections import course, dimensions, failures, faults, header, session, worst
from boifi_core.report.sections.dimensions import Axis
from boifi_core.report.sections.failures import Failure
from boifi_core.report.tables import Table


@dataclass(frozen=True)
class Page:
    """All texts of the page, in its order."""

    title: str
    session_id: str
    state: str
    summary: str
    figures: tuple[tuple[str, str], ...]
    facts: Table
    worst: tuple[tuple[str, str], ...]
    worst_fault: str
    measured: Table | None
    failures: tuple[Failure, ...]
    only_seen: tuple[Failure, ...]
    doubt: str
    beside: str
    trials: Table
    importance: Table
    importance_notes: tuple[str, ...]
    axes: tuple[Axis, ...]
    worst_faults: Table
    front: Table
    n_front_hidden: int
    errors: Table
    steps: Table
    next: tuple[str, ...] = field(default_factory=tuple)


def page_view(report: ReportInput) -> Page:
    """All that the page says of a session."""
    found = tried_faults(report)
    front = pareto_front(found)
    influence = influences(report.trials, report.dimensions)
    return Page(
        title=report.name,
        session_id=report.session_id,
        state=report.status + (f": {report.reason}" if report.reason else ""),
        summary=header.summary(report, found),
        figures=header.figures(report, found),
        facts=session.facts(report, found),
        worst=worst.worst(report, found),
        worst_fault=found[0].fault if found else "",
        measured=worst.measured(found[0].trial.observation, report.baseline) if found else None,
        failures=failures.failures(report, report.catalogue.surest_first, failures.TRACED),
        only_seen=failures.failures(report, report.catalogue.only_seen, 0),
        doubt=by_itself(report.catalogue) or "",
        beside=failures.beside_them(report),
        trials=course.trials(report),
        importance=dimensions.importance(report, influence),
        importance_notes=dimensions.importance_notes(report),
        axes=dimensions.axes(report, influence),
        worst_faults=faults.worst_faults(report, found),
        front=faults.front(front[: faults.FRONT]),
        n_front_hidden=max(0, len(front) - faults.FRONT),
        errors=session.errors(report.trials),
        steps=session.steps(report.trials),
        next=tuple(advice(report)),
    )
