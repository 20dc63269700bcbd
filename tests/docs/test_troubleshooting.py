"""The page on troubleshooting explains every message that the code can give, and none that it cannot."""

import ast
import re

import pytest

from scripts import messages

PAGE = messages.DOCUMENT.read_text()


def test_every_message_is_explained():
    explained = set(messages.explained(PAGE))
    missing = {place: text for text, place in messages.messages().items() if messages.shown(text) not in explained}
    assert not missing, "python -m scripts.messages prints the rows"


def test_no_message_is_explained_that_the_code_has_no_more():
    known = {messages.shown(text) for text in messages.messages()}
    assert [text for text in messages.explained(PAGE) if text not in known] == []


def test_every_row_has_a_cause_and_a_cure():
    rows = [row for row in PAGE.splitlines() if row.startswith("| `")]
    assert len(rows) > 100
    for row in rows:
        cells = [cell.strip() for cell in re.split(r" \| ", row.strip("| "))]
        assert len(cells) == 3, row
        assert all(len(cell) > 3 for cell in cells), row


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ('raise InvalidInput("a.b", f"must be below {high}", low)', ["must be below …"]),
        (
            'rule = "must be odd" if odd else "must be even"\nraise InvalidInput(field, rule)',
            ["must be odd", "must be even"],
        ),
        ('raise Gone(f"{path} is gone" + (" for good" if long else ""))', ["… is gone…"]),
        ('kind = Gone if gone else Lost\nreturn kind(f"{what}: answered {status}")', ["…: answered …"]),
        ('reasons.append(f"logs: {n} entries are no text")', ["logs: … entries are no text"]),
        ('return Failed(message=problem or "it did not run")', ["it did not run"]),
        ("raise Gone(str(error))", []),
        ('print("all is well")', []),
    ],
)
def test_messages_are_found_however_they_are_put_together(code, said):
    body = "\n".join(f"    {line}" for line in code.splitlines())
    tree = ast.parse(f"class Gone(Exception): ...\nclass Lost(Gone): ...\ndef f():\n{body}")
    errors = messages._error_classes([tree]) | {"InvalidInput"}
    assert [messages.shown(text) for _, text in messages._of_module(tree, errors) if messages._is_message(text)] == said
