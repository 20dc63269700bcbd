"""`python -m benchmarks.compare BEFORE.md AFTER.md name…`: two documents' figures side by side; 1 if any got worse.

Both are `docs/benchmarks.md`, each written by `make bench BENCH_ARGS="name… --write"` on the same machine: of the last
release, and of what shall be the next.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

WORSE_FACTOR = 1.5
"""How many times as long a median may take: machines that are lent out for a build differ by less from run to run."""

LEAST_MS = 2.0
"""What a median may rise by whatever the factor says: below it is the clock and the scheduler."""

Figures = dict[tuple[str, ...], float]
"""Median by where it stands: the texts of its row, and the head of its column."""

_FIGURE = re.compile(r"(\d+(?:\.\d+)?) / \d+(?:\.\d+)?(?: missed)?")


def figures(document: str, name: str) -> Figures:
    """All cells `median / 95th percentile` of one benchmark.

    Raises:
        ValueError: the document has no tables of that benchmark.
    """
    between = re.search(rf"<!-- {name}: begin -->(.*?)<!-- {name}: end -->", document, re.DOTALL)
    rows = [_cells(line) for line in between.group(1).splitlines() if line.startswith("|")] if between else []
    if not rows:
        raise ValueError(f"must hold figures of the benchmark {name}")
    found: Figures = {}
    head: list[str] = []
    for number, row in enumerate(rows):
        if number + 1 < len(rows) and set(rows[number + 1]) == {"---"}:
            head = row
        medians = [_FIGURE.fullmatch(cell) for cell in row]
        # What names a row stands before its figures; what comes after, such as a ratio, is made of them.
        first = next((column for column, median in enumerate(medians) if median), len(row))
        found |= {(*row[:first], head[column]): float(median[1]) for column, median in enumerate(medians) if median}
    return found


def compared(before: Figures, after: Figures) -> list[tuple[tuple[str, ...], float, float, bool]]:
    """What both have: where it stands, both medians, and whether the second is too much worse."""
    return [
        (place, before[place], ms, ms > before[place] * WORSE_FACTOR and ms > before[place] + LEAST_MS)
        for place, ms in after.items()
        if place in before
    ]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def main() -> int:
    """Print the comparison as Markdown; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("names", nargs="+", metavar="name")
    given = parser.parse_args()
    before, after = given.before.read_text(), given.after.read_text()
    rows = [row for name in given.names for row in compared(figures(before, name), figures(after, name))]
    print("| what | before, ms | after, ms | |\n| --- | --- | --- | --- |")
    for place, old_ms, new_ms, is_worse in rows:
        print(f"| {', '.join(place)} | {old_ms:g} | {new_ms:g} | {'worse' if is_worse else ''} |")
    if not rows:
        print("error: the two documents have no figure in common", file=sys.stderr)
        return 1
    return int(any(is_worse for *_, is_worse in rows))


if __name__ == "__main__":
    sys.exit(main())
