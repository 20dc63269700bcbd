"""What a session found, for people (Markdown, HTML) and for programs (JSON, JUnit). Pure functions of its trials."""

from boifi_core.report.data import json_report
from boifi_core.report.facts import Finding, ReportInput, findings, kinds, why
from boifi_core.report.junit import junit
from boifi_core.report.markdown import markdown
from boifi_core.report.page import html

__all__ = ["Finding", "ReportInput", "findings", "html", "json_report", "junit", "kinds", "markdown", "why"]
