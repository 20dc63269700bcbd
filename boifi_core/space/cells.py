"""Search over constrained dimensions, exact and bounded.

Conditions and constraints compare a dimension with constants only. These constants cut it into cells, and anywhere in a
cell every statement is equally true, so a search over cells finds a valid point if there is one. Rules over several
columns at once (`wide.py`) are none of its business: who searches looks whether what it found keeps to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import numpy as np

from boifi_core.space.layout import Layout
from boifi_core.space.rows import Cell, Column, Rows, Rule, Statement, cells

_MAX_STEPS = 20_000
_MAX_TESTS = 4_000_000
"""How many statements a search may look at: few steps through thousands of statements take as long as many."""

_MOST_AT_ONCE = 256
"""So many rows are looked at together: one by one takes a hundred times as long, and whoever wants few asks for few."""

_MOST_IN_VAIN = 20_000
"""After so many rows, none of which is kept, no more are looked at: there may be endlessly many."""


class SearchTooLongError(Exception):
    """The bounded search ended without an answer."""


def draw_where(column: Column, test: Statement, rng: np.random.Generator, n: int) -> Rows:
    """`n` random entries of the column for which `test` holds (any at all if it never does)."""
    parts = test.parts
    if not len(parts):
        return column.from_unit(rng.random(n))
    sizes = parts[:, 1] - parts[:, 0] + column.grain
    shares = sizes / sizes.sum() if sizes.sum() > 0 else np.full(len(parts), 1 / len(parts))
    chosen = rng.choice(len(parts), size=n, p=shares)
    unit = rng.random(n)
    entries = np.empty(n)
    for number in np.unique(chosen):
        mine = chosen == number
        low, high = parts[number]
        entries[mine] = column.between(low, high, unit[mine])
    return entries


def cell_solutions(layout: Layout, rng: np.random.Generator | None = None) -> Iterator[dict[int, Cell]]:
    """Cells of the constrained dimensions that keep every rule; absent dimensions are left out.

    With `rng`, random ones without end, which may repeat; without, each once, in a fixed order.

    Raises:
        SearchTooLongError: after a bounded number of steps.
    """
    search = _Search(layout, rng)
    if rng is None:
        yield from search.solutions()
        return
    try:
        while (solution := next(search.solutions(), None)) is not None:
            yield solution
    except SearchTooLongError:
        return


def all_rows(layout: Layout, reals: int, first: Mapping[int, float] | None = None) -> Iterator[Rows]:
    """Every valid row once, in a fixed order; of a stretch of real numbers only `reals` are taken.

    Args:
        first: of some columns the entry to begin with.

    Raises:
        SearchTooLongError: see `kept_rows`.
    """
    nothing = np.full(len(layout.columns), np.nan)
    filled = (
        entries.copy()
        for solution in cell_solutions(layout)
        for entries in _fillings(layout, solution, reals, first or {}, nothing)
    )
    return kept_rows(filled, lambda rows: rows[layout.valid(rows)]) if layout.wide else filled


def kept_rows(rows: Iterator[Rows], keep: Callable[[Rows], Rows]) -> Iterator[Rows]:
    """What is kept of many rows, one at a time.

    Args:
        rows: each of shape (dimensions,).
        keep: from some of them, shape (n, dimensions), to what is kept.

    Raises:
        SearchTooLongError: very many were looked at in a row, and none kept.
    """
    at_once, in_vain = 1, 0
    while block := list(islice(rows, at_once)):
        found = keep(np.array(block))
        yield from found
        in_vain = 0 if len(found) else in_vain + len(block)
        if in_vain >= _MOST_IN_VAIN:
            raise SearchTooLongError
        at_once = min(2 * at_once, _MOST_AT_ONCE)


def count_rows(layout: Layout) -> int | None:
    """How many rows there are, conditions counted and constraints not; None with a real dimension."""
    if any(column.count(column.low, column.high) is None for column in layout.columns):
        return None
    children: dict[int, list[tuple[Statement, int]]] = {}
    counts: dict[int, int] = {}
    for index in reversed(layout.order):
        mine = children.get(index, [])
        column = layout.columns[index]
        parts = np.array(cells(column, [test for test, _ in mine]))
        # One column for each child: in which cells it exists.
        exist = np.column_stack([np.zeros((len(parts), 0), bool), *(test.of(parts[:, 0]) for test, _ in mine)])
        counts[index] = sum(
            (column.count(low, high) or 0)
            * math.prod(counts[child] for (_, child), is_there in zip(mine, there, strict=True) if is_there)
            for (low, high), there in zip(parts.tolist(), exist.tolist(), strict=True)
        )
        parent = layout.parents[index]
        if parent is not None:
            children.setdefault(parent.index, []).append((parent, index))
    return math.prod(counts[index] for index in layout.order if layout.parents[index] is None)


class _Search:
    """Depth-first search over the cells of the dimensions that rules name, and of those they depend on."""

    def __init__(self, layout: Layout, rng: np.random.Generator | None) -> None:
        self._layout = layout
        self._rng = rng
        self._steps = self._tests = 0
        named = {test.index for rule in layout.rules for test in (*rule.when, *rule.then)}
        for index in reversed(layout.order):
            parent = layout.parents[index]
            if index in named and parent is not None:
                named.add(parent.index)
        self._order = [index for index in layout.order if index in named]
        tests: dict[int, list[Statement]] = {index: [] for index in named}
        self._rules_of: dict[int, list[Rule]] = {index: [] for index in named}
        for rule in layout.rules:
            mine = (*rule.when, *rule.then)
            for index in {test.index for test in mine}:
                self._rules_of[index].append(rule)
            for test in mine:
                tests[test.index].append(test)
        for parent in layout.parents:
            if parent is not None and parent.index in named:
                tests[parent.index].append(parent)
        self._cells = {index: cells(layout.columns[index], tests[index]) for index in named}

    def solutions(self) -> Iterator[dict[int, Cell]]:
        yield from self._extend({}, 0)

    def _extend(self, chosen: dict[int, Cell | None], depth: int) -> Iterator[dict[int, Cell]]:
        touched = self._rules_of[self._order[depth - 1]] if depth else self._layout.rules
        self._steps += 1
        self._tests += sum(rule.n_statements for rule in touched)
        if self._steps > _MAX_STEPS or self._tests > _MAX_TESTS:
            raise SearchTooLongError
        if any(self._broken(rule, chosen) for rule in touched):
            return
        if depth == len(self._order):
            yield {index: cell for index, cell in chosen.items() if cell is not None}
            return
        index = self._order[depth]
        parent = self._layout.parents[index]
        exists = parent is None or self._holds(parent, chosen[parent.index])
        for cell in self._shuffled(index) if exists else [None]:
            yield from self._extend({**chosen, index: cell}, depth + 1)

    def _shuffled(self, index: int) -> Iterable[Cell | None]:
        mine = self._cells[index]
        # One by one: of thousands, the first that fits ends it.
        return mine if self._rng is None else (mine[i] for i in self._rng.permutation(len(mine)))

    def _broken(self, rule: Rule, chosen: dict[int, Cell | None]) -> bool:
        """Whether the rule is broken already, whatever the dimensions that are still open take."""
        if not all(test.index in chosen and self._holds(test, chosen[test.index]) for test in rule.when):
            return False
        if rule.impossible:
            return True
        decided = (test for test in rule.then if chosen.get(test.index) is not None)
        return any(not self._holds(test, chosen[test.index]) for test in decided)

    def _holds(self, test: Statement, cell: Cell | None) -> bool:
        if cell is None:
            return False
        column = self._layout.columns[test.index]
        return test.condition.allows(column.values[int(cell[0])] if column.is_categorical else cell[0])


def _fillings(
    layout: Layout, solution: dict[int, Cell], reals: int, first: Mapping[int, float], row: Rows, depth: int = 0
) -> Iterator[Rows]:
    """Every row within the solution's cells; the same array each time."""
    if depth == len(layout.order):
        yield row
        return
    index = layout.order[depth]
    parent, column = layout.parents[index], layout.columns[index]
    entries: Iterable[float] = [np.nan]
    if parent is None or parent(row[None, :])[0]:
        low, high = solution.get(index, (column.low, column.high))
        entries = _entries(column, low, high, reals)
        if index in first:
            entries = sorted(entries, key=lambda entry: entry != first[index])
    for entry in entries:
        row[index] = entry
        yield from _fillings(layout, solution, reals, first, row, depth + 1)


def _entries(column: Column, low: float, high: float, reals: int) -> Iterable[float]:
    if column.step is not None:
        steps = np.arange(column.count(low, high) or 0, dtype=np.float64)
        return [float(entry) for entry in column.on_step(low + column.step * steps, np.round)]
    if not column.is_real:
        return map(float, range(int(low), int(high) + 1))
    if low == high:
        return [low]
    return [float(entry) for entry in np.unique(column.between(low, high, np.linspace(0, 1, reals)))]
