import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from boifi_core.report.tables import code, code_cell, duration, escape, numbers, plain, table

PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
NASTY = [
    "a|b",
    "line\nbreak\r\n| x | y |",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "*bold* _it_ __it__ `code` ~~gone~~",
    "snake_case_name",
    "&lt;b&gt; &copy; & co",
    "\\",
    "ends with \\",
    "`",
    "``a`",
    "![x](http://example.org/x.png)",
    "http://example.org",
    "\x00\x1b[31m\u202e hidden",
    "",
]


def cells(text):
    """What a reader sees in the cells of the only row."""
    tokens = PARSER.parse(table(["a", "b"], [[text, "end"]]))
    inline = [token for token in tokens if token.type == "inline"]
    assert all(child.type in {"text", "code_inline", "text_special"} for token in inline for child in token.children)
    return ["".join(child.content for child in token.children) for token in inline][2:]


@pytest.mark.parametrize("text", NASTY)
def test_escaped_text_is_shown_as_it_is(text):
    assert cells(escape(text)) == [plain(text), "end"]


@given(st.text(alphabet=st.sampled_from("ab1 _*`|\\[]()<>&;#~!\n-+."), max_size=12) | st.text(max_size=8))
def test_any_text_is_shown_as_it_is(text):
    assert cells(escape(text)) == [plain(text), "end"]


@given(st.text(alphabet=st.sampled_from("ab |`*<"), max_size=10))
def test_any_text_is_shown_as_it_is_in_a_code_span(text):
    (paragraph,) = [token for token in PARSER.parse(f"see {code(text)}.") if token.type == "inline"]
    assert [child.type for child in paragraph.children] == ["text", "code_inline", "text"]
    assert paragraph.children[1].content.strip() == plain(text)
    shown, end = cells(code_cell(text))
    assert (shown.strip(), end) == (plain(text), "end")


def test_common_names_stay_readable():
    assert escape("delay_ms of GET /orders/{id}, 80 % (p95)") == "delay_ms of GET /orders/{id}, 80 % (p95)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (7290, "2 h 1 min")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


def test_long_lists_are_cut():
    assert numbers([1, 2, 3]) == "1, 2, 3"
    assert re.fullmatch(r"(\d+, ){11}11 and 8 more", numbers(list(range(20))))
