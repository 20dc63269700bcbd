"""Points as rows of numbers, so that many are drawn, changed and checked at once.

A row has one entry per dimension: the index of the category, the integer, or the real number; NaN where the dimension
is absent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from boifi_core.space.condition import Condition, identity, is_number
from boifi_core.space.dimension import CLOSE, Dimension, decimals

Rows = NDArray[np.float64]
Mask = NDArray[np.bool_]

ABSENT: Final = object()

Cell = tuple[float, float]
"""A part of a column, lowest and highest entry, both inside."""


class Column:
    """One dimension's part of the rows."""

    def __init__(self, dimension: Dimension) -> None:
        self.name = dimension.name
        self.values = dimension.values
        self.is_categorical = dimension.type == "categorical"
        self.is_real = dimension.type == "real"
        self.log = dimension.log_scale
        if dimension.low is None or dimension.high is None:
            self.low, self.high = 0.0, float(len(dimension.values) - 1)
        else:
            self.low, self.high = float(dimension.low), float(dimension.high)
        self.step = dimension.step
        if self.step is not None:
            self._digits = max(map(decimals, (self.low, self.step)))
        self.grain = self.step or (0.0 if self.is_real else 1.0)
        # Booleans equal 0 and 1 in Python, so they are told apart by a second key.
        self._codes = {identity(value): code for code, value in enumerate(self.values)}

    def code(self, value: Any) -> float:
        """The entry for a value that the dimension contains."""
        return float(self._codes[identity(value)] if self.is_categorical else value)

    def where(self, condition: Condition) -> Mask:
        """For which categories the condition is true, shape (categories,).

        Named categories are looked up, and not all compared: there may be thousands of both.
        """
        true: Mask = np.zeros(len(self.values), bool)
        if condition.operator == "exists":
            return ~true
        if condition.operator in ("greater_than", "less_than"):
            for code in self._numeric:
                true[code] = condition.allows(self.values[code])
            return true
        named = condition.value if condition.operator == "in" else (condition.value,)
        for key in map(identity, named):
            if key in self._codes:
                true[self._codes[key]] = True
        return ~true if condition.operator == "not_equals" else true

    @cached_property
    def _numeric(self) -> list[int]:
        return [code for code, value in enumerate(self.values) if is_number(value)]

    def takes(self, value: Any) -> bool:
        """Whether a value is one that it can take."""
        if self.is_categorical:
            return identity(value) in self._codes
        return is_number(value) and self.low <= value <= self.high and self.has(float(value))

    def decode(self, entries: Rows) -> list[Any]:
        """The user's own values, plain Python; `ABSENT` for NaN."""
        if self.is_categorical:
            values = [*self.values, ABSENT]
            codes = np.where(np.isnan(entries), -1, entries).astype(np.intp).tolist()
            return [values[code] for code in codes]
        if self.is_real:
            return [ABSENT if entry != entry else entry for entry in entries.tolist()]
        return [ABSENT if entry != entry else int(entry) for entry in entries.tolist()]

    def from_unit(self, unit: Rows) -> Rows:
        """Numbers in [0, 1) spread over the dimension: each category and integer gets an equal share."""
        return self.between(self.low, self.high, unit)

    def between(self, low: float, high: float, unit: Rows) -> Rows:
        """The same over the part of the dimension from `low` to `high`, both inside."""
        top = high + self.grain
        entries: Rows = low * (top / low) ** unit if self.log else low + unit * (top - low)
        return np.clip(self.taken(entries, np.floor), low, high)

    def to_unit(self, entries: Rows) -> Rows:
        """Where the numbers lie between the bounds, 0 to 1."""
        if self.high == self.low:
            return np.zeros(len(entries))
        unit: Rows = (entries - self.low) / (self.high - self.low)
        return np.log(entries / self.low) / np.log(self.high / self.low) if self.log else unit

    def nearest(self, unit: Rows) -> Rows:
        """The numbers that lie nearest to `unit` (0 to 1): the way back from `to_unit`."""
        span = self.high / self.low if self.log else self.high - self.low
        entries = self.low * span**unit if self.log else self.low + unit * span
        return np.clip(self.taken(entries, np.round), self.low, self.high)

    def taken(self, entries: Rows, rounded: Callable[[Rows], Rows]) -> Rows:
        """The entries as it takes them: on a step, whole, or as they are."""
        if self.step is not None:
            return self.on_step(entries, rounded)
        return entries if self.is_real else rounded(entries)

    def on_step(self, entries: Rows, rounded: Callable[[Rows], Rows]) -> Rows:
        """The entries moved onto a step: by `np.floor` the one below, by `np.ceil` above, by `np.round` the nearest."""
        assert self.step is not None
        steps = (entries - self.low) / self.step
        near: Rows = np.round(steps)  # what is added up of fractions is not exact
        steps = np.where(np.abs(steps - near) <= CLOSE, near, rounded(steps))
        found: Rows = np.round(self.low + steps * self.step, self._digits)
        return found

    def has(self, entry: float) -> bool:
        """Whether a number between its bounds is one that it can take."""
        if self.step is not None:
            return bool(self.on_step(np.array([entry]), np.round)[0] == entry)
        return self.is_real or entry == int(entry)

    def count(self, low: float, high: float) -> int | None:
        """How many numbers or categories there are from `low` to `high`, both inside; None if endlessly many."""
        if self.step is not None:
            return round((high - low) / self.step) + 1
        return None if self.is_real else int(high - low + 1)


class Statement:
    """A condition on one column, for many rows at once; false where the dimension is absent."""

    def __init__(self, condition: Condition, index: int, column: Column) -> None:
        self.index = index
        self.condition = condition
        self._column = column
        # One entry more than there are categories: the last is that of an absent dimension.
        self._table = np.append(column.where(condition), False) if column.is_categorical else None
        is_list = condition.operator == "in" and not column.is_categorical
        self._value = np.array([float(value) for value in condition.value]) if is_list else condition.value

    def __call__(self, rows: Rows) -> Mask:
        return self.of(rows[:, self.index])

    def of(self, entries: Rows) -> Mask:
        """The same for the column's entries alone."""
        if self._table is not None:
            return np.take(self._table, np.where(np.isnan(entries), -1, entries).astype(np.intp))
        return _COMPARE[self.condition.operator](entries, self._value)

    def absent(self, rows: Rows) -> Mask:
        """In which rows its column is absent."""
        return np.isnan(rows[:, self.index])

    @cached_property
    def parts(self) -> Rows:
        """The cells of the column in which it is true, shape (cells, 2)."""
        if self._table is not None:
            return np.repeat(np.flatnonzero(self._table[:-1])[:, None].astype(float), 2, axis=1)
        found = np.array(cells(self._column, [self]))
        return found[self.of(found[:, 0])]


def cells(column: Column, tests: Iterable[Statement]) -> list[Cell]:
    """The column's cells for these statements, in ascending order."""
    if column.is_categorical:
        return [(float(code), float(code)) for code in range(len(column.values))]
    found: list[Cell] = []
    start = column.low
    for cut in sorted({float(value) for test in tests for value in _constants(test)}):
        if not column.low <= cut <= column.high:
            continue
        below, above = _around(cut, column)
        found += [(start, below)] if start <= below else []
        found += [(cut, cut)] if below < cut < above and column.has(cut) else []
        start = above
    return [*found, (start, column.high)] if start <= column.high else found


def _constants(test: Statement) -> list[float]:
    value = test.condition.value
    if test.condition.operator == "exists":
        return []
    return list(value) if isinstance(value, tuple | list) else [value]


def _around(cut: float, column: Column) -> Cell:
    """The nearest entries below and above `cut`."""
    if column.step is not None:
        apart = column.step if column.has(cut) else 0.0
        below, above = np.array([cut - apart]), np.array([cut + apart])
        return float(column.on_step(below, np.floor)[0]), float(column.on_step(above, np.ceil)[0])
    if column.is_real:
        return float(np.nextafter(cut, -np.inf)), float(np.nextafter(cut, np.inf))
    return math.ceil(cut) - 1.0, math.floor(cut) + 1.0


_COMPARE: dict[str, Callable[[Rows, Any], Mask]] = {
    "equals": lambda entries, value: np.equal(entries, value),
    "not_equals": lambda entries, value: np.not_equal(entries, value) & ~np.isnan(entries),
    "in": lambda entries, values: np.isin(entries, values),
    "greater_than": lambda entries, value: np.greater(entries, value),
    "less_than": lambda entries, value: np.less(entries, value),
    "exists": lambda entries, _: ~np.isnan(entries),
}


class Rule:
    """A constraint over columns; statements about fixed fields are decided here, once."""

    def __init__(self, when: tuple[Statement, ...], then: tuple[Statement, ...], impossible: bool) -> None:
        self.when = when
        self.then = then
        self.impossible = impossible
        self.n_statements = len(when) + len(then)

    def broken(self, rows: Rows) -> Mask:
        """Which rows break it."""
        applies = np.ones(len(rows), bool)
        for test in self.when:
            applies &= test(rows)
        if self.impossible or not applies.any():
            return applies
        kept = np.ones(len(rows), bool)
        for test in self.then:
            kept &= test(rows) | test.absent(rows)
        return applies & ~kept
