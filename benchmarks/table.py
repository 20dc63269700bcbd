"""Figures as a table, for the terminal and for the docs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import rich.table
from rich.console import Console

PLAIN_WIDTH = 140
"""Columns where the output is no terminal."""


@dataclass(frozen=True)
class Table:
    """A title, column heads, and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def rich(self) -> rich.table.Table:
        """For the terminal, beneath its title."""
        shown = rich.table.Table(*self.columns)
        for row in self.rows:
            shown.add_row(*row)
        return shown

    def markdown(self) -> str:
        """For the docs."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join([f"**{self.title}**", "", *(f"| {' | '.join(cells)} |" for cells in lines)])


def terminal() -> Console:
    """Where figures are shown; as wide as they need where that is no terminal."""
    console = Console()
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def show(tables: Iterable[Table], console: Console) -> None:
    """Print each table beneath its title."""
    for table in tables:
        console.print(f"\n{table.title}", table.rich(), sep="\n")


def spread(values: Sequence[float], aim: float | None = None) -> str:
    """`median / 95th percentile`; says `missed` where the median is not under the aim."""
    return f"{np.median(values):.1f} / {np.quantile(values, 0.95):.1f}{missed(float(np.median(values)), aim)}"


def missed(value: float, aim: float | None) -> str:
    """What to write after a figure that had to be under `aim` and is not."""
    return "" if aim is None or value < aim else " missed"
