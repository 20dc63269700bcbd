"""The head of the page: what was found, in a sentence and in four figures."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.report.facts import ReportInput, TriedFault
from boifi_core.report.failures import how_many, percent_up
from boifi_core.report.tables import number


def summary(report: ReportInput, found: Sequence[TriedFault]) -> str:
    """What was found, in one sentence or two."""
    if not found:
        return "No trial was scored."
    modes = report.catalogue.surest_first
    if not modes:
        return "No fault showed anything that the target does not do without one."
    return f"{how_many(report.catalogue)}. The worst: {modes[0].sentence}."


def figures(report: ReportInput, found: Sequence[TriedFault]) -> tuple[tuple[str, str], ...]:
    """The figures beneath it: pairs of a label and a text."""
    return (
        ("worst severity, of 10", number(found[0].severity if found else None)),
        ("without a fault", number(report.baseline_severity)),
        ("distinct failures", str(len(report.catalogue.surest_first))),
        ("trials", report.progress),
        *([] if report.left is None else [("chance of a new one, at most", f"{percent_up(report.left.upper)} %")]),
    )
