"""What a session found, for people (Markdown, HTML) and for programs (JSON, JUnit). Pure functions of its trials."""

from boifi_core.report.data import json_report
from boifi_core.report.facts import ReportInput, TriedFault, kinds, tried_faults, why
from boifi_core.report.junit import junit
from boifi_core.report.markdown import markdown
from boifi_core.report.page import html

__all__ = ["ReportInput", "TriedFault", "html", "json_report", "junit", "kinds", "markdown", "tried_faults", "why"]
