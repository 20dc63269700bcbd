"""Whatever names, values and reasons hold, a report in Markdown has no link, picture or element but its own."""

import re
from datetime import UTC, datetime
from itertools import groupby

import pytest
from histories import Axis
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reports import DIMENSIONS, evil_session, report_of, session

from boifi_core.campaign.report import markdown as night_markdown
from boifi_core.campaign.run import Known, Night, SessionOfNight, Standing, Told
from boifi_core.faults.plan import FaultPlan
from boifi_core.report.markdown import markdown
from boifi_core.report.tables import code, code_cell, escape, plain, table

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
AUTOLINK = re.compile(r"(https?|ftp)://|\bwww\.|[\w.+-]@[\w-]|\b(mailto|xmpp):", re.IGNORECASE)
"""What GitHub's Markdown, and Prefect's pages, make links of where nobody marked any; not in code."""

OURS = {"heading_open", "table_open", "thead_open", "tbody_open", "tr_open", "th_open", "td_open", "paragraph_open",
        "bullet_list_open", "list_item_open", "strong_open", "fence", "inline", "text", "text_special", "code_inline",
        "softbreak"}  # fmt: skip
"""The elements that our own templates make."""

PAYLOADS = [
    "![x](http://evil.example/p.png)",
    "[x](javascript:alert(1))",
    "[x][1]",
    "[1]: http://evil.example",
    "<http://evil.example>",
    "<img src=x onerror=alert(1)>",
    "<me@evil.example>",
    "see http://evil.example/a_b*c*, or www.evil.example.",
    "HTTPS://evil.example",
    "ftp://evil.example",
    "me@evil.example",
    "mailto:me@evil.example",
    "evil.example/path",
    "a|![x](http://evil.example/p.png)",
    "a\\|![x](http://evil.example/p.png)",
    "a\\\\|[x](http://evil.example)",
    "`|![x](http://evil.example)|`",
    "``` ![x](http://evil.example)",
    "`http://evil.example`![x](http://evil.example)",
    "http://`![x](http://evil.example)",
    "http://a|http://b`http://c",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "> quote",
    "---",
    "===",
    "+ x",
    "a\n\n![x](http://evil.example)\n\n<b>",
    "a\n# heading",
    "&#33;[x](http://evil.example)",
    "&lt;img src=x&gt;",
    "\\![x](http://evil.example)",
    "\\\\![x](http://evil.example)",
    "*a* **b** __c__ ~~d~~",
    "```\n![x](http://evil.example)\n```",
    "    ![x](http://evil.example)",
    "<!-- ",
    "]]> <?x ?>",
    "$x$ :smile:",
    "\u202ehttp://evil.example",
    "http:\u200b//evil.example",
    "\t",
]
HOSTILE = st.lists(
    st.sampled_from(["![", "](", ")", "[", "]", "`", "``", "|", "\\", "http://", "www.", "a", "@", ".b", " ", "\n", "<",
                     ">", "<b>", "*", "_", "#", "-", "1.", "~", "&", ";", "é", "//", ":", "!"]), max_size=14,
).map("".join).filter(plain)  # fmt: skip


def elements(text):
    """All that a reader makes of it."""
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def assert_is_ours(text):
    made = list(elements(text))
    opened = {token.type for token in made if not token.type.endswith("_close")}
    assert opened <= OURS, f"{opened - OURS} in {text!r}"
    # Read together, since a link may be in several pieces of text.
    for token in made:
        for is_text, run in groupby(token.children or (), lambda child: child.type.startswith("text")):
            assert not (is_text and AUTOLINK.search("".join(each.content for each in run))), text


def count(text, kind):
    return sum(token.type == kind for token in elements(text))


def night(evil):
    when = datetime.now(UTC)
    plans = (FaultPlan(fault_type="abort", target_path=evil, error_message=evil, abort_status_code=503),)
    known = Known(id="n/F1", session=evil, sentence=evil, plans=plans, severity=9, since=when, shown_by=evil)
    told = tuple(Told(known=known, standing=each, note=evil, trials=(1,), session_id="3f2a") for each in Standing)
    sessions = (SessionOfNight(name=evil, reason=evil), SessionOfNight(name=evil, session_id="3f2a", reason=evil))
    return Night(campaign="nightly", night="20261130", began_at=when, sessions=sessions, told=told, problem=evil)


def templates(evil):
    """Text in every way that a template shows one."""
    return (
        f"# {escape(evil)}: what\n\n{escape(evil)}\n\n**{escape(evil)}** {code(evil)}, {code(evil)}.\n\n"
        f"- {escape(evil)}\n- {code(evil)}\n\n"
        f"{table([code_cell(evil), 'b'], [[escape(evil), code_cell(evil)], [code_cell(evil), 'x']])}\n\n"
        f"```\n{plain(evil)} x\n```"
    )


@pytest.mark.parametrize("evil", PAYLOADS)
def test_no_report_has_a_link_of_anybody_elses(evil):
    assert_is_ours(templates(evil))
    assert_is_ours(night_markdown(night(evil)))
    axes = (*DIMENSIONS, Axis(evil, values=(evil, "b")))
    text = markdown(evil_session(evil, dimensions=axes, out=f" --out {plain(evil)}"))
    assert_is_ours(text)
    harmless = markdown(evil_session("x", dimensions=(*DIMENSIONS, Axis("x", values=("x", "b"))), out=" --out x"))
    for kind in ("heading_open", "td_open", "tr_open", "list_item_open"):
        assert count(text, kind) == count(harmless, kind), kind


def test_our_own_reports_are_made_of_our_own_elements():
    assert_is_ours(markdown(report_of(session(60))))


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_nothing_that_anybody_writes_makes_an_element(evil):
    assert_is_ours(templates(evil))
    calm = templates("x")
    for kind in ("heading_open", "td_open", "list_item_open", "paragraph_open"):
        assert count(templates(evil), kind) >= count(calm, kind)


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_what_is_written_is_what_is_read(evil):
    [_, inline, *_] = READER.parse(f"x {escape(evil)} x")
    assert "".join(child.content for child in inline.children) == f"x {plain(evil)} x"
