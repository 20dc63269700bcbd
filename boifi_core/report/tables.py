"""Text that others wrote, put into Markdown as text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

_MARKS = re.compile(r"[\\`*\[\]<>|~]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_TICKS = re.compile("`+")


def plain(text: str) -> str:
    """`text` on one line; a control or invisible character becomes a space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, in a table's cell too."""
    return _MARKS.sub(r"\\\g<0>", plain(text))


def code(text: str) -> str:
    """`text` as a code span, outside tables."""
    text = plain(text)
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    pad = " " if not text or "`" in (text[0], text[-1]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def code_cell(text: str) -> str:
    """`text` as a code span in a table's cell, where the table takes every `|` before the code does."""
    return code(text).replace("|", "\\|")


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


def counted(n: int, what: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def numbers(values: Sequence[int], limit: int = 12) -> str:
    """A list of trial numbers, cut after `limit`."""
    rest = len(values) - limit
    return ", ".join(map(str, values[:limit])) + (f" and {rest} more" if rest > 0 else "")
