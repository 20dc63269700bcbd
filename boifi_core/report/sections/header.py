"""The head of the page: what was found, in a sentence and in four figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from boifi_core.errors import counted
from boifi_core.report.facts import ReportInput, TriedFault
from boifi_core.report.failures import percent_up
from boifi_core.report.tables import number


def summary(report: ReportInput, found: Sequence[TriedFault]) -> str:
    """What was found, in one sentence or two."""
    if not found:
        return "No trial was scored."
    modes, more = report.catalogue.examined, len(report.catalogue.only_seen)
    if not modes:
        return "No fault showed anything that the target does not do without one."
    sure = Counter(mode.verdict.value for mode in modes if mode.verdict is not None)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in sure.items())
    told = f"{counted(len(modes), 'distinct failure')}{f' ({counts})' if counts else ''}"
    return f"{told}{f', and {more} more only seen' if more else ''}. {_sentence(modes[0].sentence)}"


def _sentence(text: str) -> str:
    return f"The worst: {text}."


def figures(report: ReportInput, found: Sequence[TriedFault]) -> tuple[tuple[str, str], ...]:
    """The figures beneath it: pairs of a label and a text."""
    return (
        ("worst severity, of 10", number(found[0].severity if found else None)),
        ("without a fault", number(report.baseline_severity)),
        ("distinct failures", str(len(report.catalogue.examined))),
        ("trials", report.progress),
        *([] if report.left is None else [("chance of a new one, at most", f"{percent_up(report.left.upper)} %")]),
    )
