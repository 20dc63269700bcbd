"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

import html as stdlib_html

from markdown_it import MarkdownIt

from boifi_core.report.facts import ReportInput
from boifi_core.report.markdown import markdown
from boifi_core.report.tables import plain

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d8dbe0, #3a3f47); --soft: light-dark(#f5f6f8, #1d2127); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: light-dark(#1c1f24, #e3e6ea); background: light-dark(#fff, #14171b); }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; } td:not(:last-child) { min-width: 3rem; }
pre, code { font-family: ui-monospace, monospace; background: var(--soft); border-radius: 4px; }
code { padding: .1em .3em; font-size: .9em; }
pre { padding: .8rem; overflow-x: auto; line-height: 1.15; } pre code { padding: 0; background: none; }
"""


def html(report: ReportInput) -> str:
    """A whole page, light or dark as the reader's system is; text from the target stays text."""
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = renderer.render(markdown(report))
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{stdlib_html.escape(plain(report.name))} – BOIFI</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )
