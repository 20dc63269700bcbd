"""The report as one HTML page that needs nothing else: no network, no other file, and no script to be read."""

from boifi_core.report.page.document import html

__all__ = ["html"]
