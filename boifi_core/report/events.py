"""What is told of a report."""

from __future__ import annotations

from dataclasses import dataclass

from boifi_core.report.facts import ReportInput
from boifi_core.session.events import Event


@dataclass(frozen=True)
class Reported(Event):
    """A session's report is written; `markdown` is the one for people."""

    report: ReportInput
    markdown: str
