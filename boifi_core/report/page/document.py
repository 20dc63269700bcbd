"""Puts the page together: what it says, how it looks, the charts' data, and what it may load, which is nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from boifi_core.report.facts import ReportInput
from boifi_core.report.failures import ONLY_SEEN
from boifi_core.report.page.chart_data import chart_data
from boifi_core.report.page.view import page_view
from boifi_core.report.tables import plain

_ASSETS = Path(__file__).parent / "assets"

_LONGEST = 600
"""Text of the target or the user is cut after so many characters."""

_SCRIPT_ESCAPES = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"}


def html(report: ReportInput) -> str:
    """A whole page, light or dark as the reader's system is; text from the target stays text.

    Charts are drawn by Apache ECharts, which is embedded. With scripts off, all text and tables are there.
    """
    style, charts, script = _asset("page.css"), _asset("echarts/echarts.min.js"), _asset("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page_view(report),
            only_seen=ONLY_SEEN,
            policy=_policy(style, charts, script),
            style=Markup(style),
            charts=Markup(charts),
            script=Markup(script),
            data=Markup(script_json(chart_data(report))),
        )
    )


def script_json(data: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins another, or a comment."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_SCRIPT_ESCAPES)


def _policy(style: str, *scripts: str) -> str:
    """A Content-Security-Policy that lets exactly these texts work and nothing else in or out."""
    allowed = " ".join(map(_fingerprint, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_fingerprint(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _fingerprint(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_text,
    )
    environment.filters["inline"] = _inline
    return environment


def _text(value: Any) -> Any:
    """Text as it can be shown, on one line; what is markup already, and numbers, as they are."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = plain(value[: 2 * _LONGEST])
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _inline(markdown: str) -> Markup:
    """A sentence of our own Markdown, with code and emphasis in it; links and pictures would be somebody else's."""
    reader = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"])
    return Markup(reader.renderInline(markdown))
