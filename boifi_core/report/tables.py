"""Text that others wrote, put into Markdown as text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

_MARKS = re.compile(r"[\\`*\[\]<>|~]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_BEGINNING = re.compile(r"^(\d*)([-+=#.)])(?=[\s\-+=#]|$)")
"""What makes a heading, a list or a line of its own of the text that it begins."""

_TICKS = re.compile("`+")
_WORD = re.compile(r"[^\s\\`|<>]+")
_ADDRESS = re.compile(r"://|@|\bwww\.|\b(mailto|xmpp|tel):|[^\W_]\.[^\W\d_]{2}", re.IGNORECASE)
"""What lets a reader of Markdown make a link of a word, though nobody marked it as one."""


def plain(text: str) -> str:
    """`text` on one line; a control or invisible character becomes a space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, in a table's cell too; an address in it is a code span, not a link."""
    line = plain(text)
    parts, end = [], 0
    for word in _WORD.finditer(line):
        if _ADDRESS.search(word[0]):
            address = word[0].rstrip(".,:;!?")  # what ends the sentence is none of it
            parts += [_marked(line[end : word.start()]), code(address)]
            end = word.start() + len(address)
    return _BEGINNING.sub(r"\1\\\2", "".join([*parts, _marked(line[end:])]))


def _marked(text: str) -> str:
    return _MARKS.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """`text` as a code span, outside tables."""
    text = plain(text)
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    pad = " " if not text or "`" in (text[0], text[-1]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def code_cell(text: str) -> str:
    """`text` as a code span in a table's cell.

    Not where there is a `|` in it: the table takes that before the code does, and readers differ on a `\\` before it.
    """
    return escape(text) if "|" in text else code(text)


@dataclass(frozen=True)
class Table:
    """A table of plain text.

    `right` are the columns, from 0, that hold numbers, `links` the one that names failures, `names` the one that holds
    names as the user wrote them.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    links: int | None = None
    names: int | None = None

    def markdown(self) -> str:
        """The table without its caption, every text shown as text."""
        cells = [
            [code_cell(text) if column == self.names else escape(text) for column, text in enumerate(row)]
            for row in self.rows
        ]
        return table(self.head, cells, self.right)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> str:
    """A Markdown table; cells must be escaped already.

    Args:
        right: the columns, from 0, that hold numbers.
    """
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def number(value: float | None, digits: int = 1) -> str:
    """A number for a cell; `–` where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(share: float | None) -> str:
    """A share, 0 to 1, for a cell; `–` where there is none."""
    return "–" if share is None else f"{share * 100:.0f} %"


def duration(seconds: float) -> str:
    """A length of time for people: `3 min 20 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest if not hours else 0, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value)


def numbers(values: Sequence[int], limit: int = 12) -> str:
    """A list of trial numbers, cut after `limit`."""
    rest = len(values) - limit
    return ", ".join(map(str, values[:limit])) + (f" and {rest} more" if rest > 0 else "")
