"""Random valid rows, in bounded time."""

from __future__ import annotations

import numpy as np

from boifi_core.space.cells import cell_solutions, draw_where
from boifi_core.space.layout import Layout
from boifi_core.space.rows import Rows

_BATCHES = 8
_REPAIRS = 4
_CELL_SOLUTIONS = 16


def sample_rows(layout: Layout, rng: np.random.Generator, n: int, witness: Rows) -> Rows:
    """`n` valid rows.

    Drawn freely, then repaired where a constraint is broken: its `then` side is drawn again from what it allows, so
    that the `if` side stays as frequent as it was. What stays broken is drawn anew; where that finds too few, a search
    over the constrained dimensions builds the rest, and `witness`, a valid row, fills what is left.
    """
    found = np.empty((0, len(layout.columns)))
    for _ in range(_BATCHES):
        rows = settle(layout, rng, layout.draw(rng, n - len(found)))
        found = np.vstack([found, rows[layout.valid(rows)]])
        if len(found) == n:
            return found
    return np.vstack([found, _built(layout, rng, n - len(found), witness)])


def settle(layout: Layout, rng: np.random.Generator, drawn: Rows) -> Rows:
    """`drawn` (none absent) with conditions applied and broken constraints repaired where that is easy."""
    rows = layout.masked(drawn)
    for _ in range(_REPAIRS if layout.rules or layout.wide else 0):
        if not _repair(layout, rng, drawn, rows):
            break
        rows = layout.masked(drawn)
    return rows


def _repair(layout: Layout, rng: np.random.Generator, drawn: Rows, rows: Rows) -> bool:
    """Draw again, in `drawn`, the `then` sides that `rows` break; whether anything was broken."""
    repaired = False
    for rule in layout.rules:
        broken = rule.broken(rows)
        if not broken.any():
            continue
        repaired = True
        for test in rule.then:
            wrong = np.flatnonzero(broken & ~test(rows))
            drawn[wrong, test.index] = draw_where(layout.columns[test.index], test, rng, len(wrong))
    for wide in layout.wide:
        broken = wide.broken(rows)
        if broken.any():
            repaired = True
            wide.redraw(rng, drawn, rows, broken)
    return repaired


def _built(layout: Layout, rng: np.random.Generator, n: int, witness: Rows) -> Rows:
    """Rows from a few solutions of the constrained dimensions, the others drawn."""
    ranges = []
    for solution in cell_solutions(layout, rng):
        ranges.append(solution)
        if len(ranges) == min(n, _CELL_SOLUTIONS):
            break
    if not ranges:
        return np.repeat(witness[None, :], n, axis=0)
    drawn = layout.draw(rng, n)
    for start, solution in enumerate(ranges):
        mine = np.arange(start, n, len(ranges))
        for index, (low, high) in solution.items():
            drawn[mine, index] = layout.columns[index].between(low, high, rng.random(len(mine)))
    rows = settle(layout, rng, drawn) if layout.wide else layout.masked(drawn)
    rows[~layout.valid(rows)] = witness
    return rows
