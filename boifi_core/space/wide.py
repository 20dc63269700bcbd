"""Rules that no single column decides: two fields compared with each other, and how many faults there are at once.

Such a rule says which rows break it, and draws what it is about anew where they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from boifi_core.errors import InvalidInput
from boifi_core.space.condition import Condition, identity, is_number
from boifi_core.space.plans import Group, Source, is_no_fault
from boifi_core.space.rows import Column, Mask, Rows

_TRIES = 6
"""How often a value is drawn for a comparison that is not one of equality."""

MIRRORED = {"equals": "equals", "not_equals": "not_equals", "greater_than": "less_than", "less_than": "greater_than"}
"""What an operator becomes when its two sides change places."""


class Wide(Protocol):
    """A rule over several columns."""

    def broken(self, rows: Rows) -> Mask:
        """Which rows break it."""

    def redraw(self, rng: np.random.Generator, drawn: Rows, rows: Rows, broken: Mask) -> None:
        """Draw anew, in `drawn`, what has `rows` break it; they may break it still."""


class Comparison:
    """A statement about two columns, for many rows at once; false where either is absent."""

    def __init__(self, condition: Condition, one: int, other: int, columns: Sequence[Column]) -> None:
        self.index, self._other = one, other
        self._operator = condition.operator
        self._columns = columns[one], columns[other]
        # What is no number is told by a number of its own, the same in both columns.
        values = (value for column in self._columns for value in column.values)
        names = dict.fromkeys(identity(value) for value in values if not is_number(value))
        self._names = {key: number for number, key in enumerate(names)}
        self._tables = [self._table(column) for column in self._columns]

    def __call__(self, rows: Rows) -> Mask:
        return self._compared(rows[:, self.index], rows[:, self._other])

    def absent(self, rows: Rows) -> Mask:
        """In which rows there is nothing to compare."""
        return np.isnan(rows[:, self.index]) | np.isnan(rows[:, self._other])

    def redraw(self, rng: np.random.Generator, drawn: Rows, wrong: Any) -> None:
        """Draw the first field anew in the rows `wrong`, so that it is true in most of them."""
        column, others = self._columns[0], drawn[wrong, self._other]
        entries = column.from_unit(rng.random(len(others)))
        if self._operator == "equals":
            entries = self._equal_to(others, entries)
        for _ in range(_TRIES):
            false = ~self._compared(entries, others)
            if not false.any():
                break
            entries[false] = column.from_unit(rng.random(int(false.sum())))
        drawn[wrong, self.index] = entries

    def _equal_to(self, others: Rows, entries: Rows) -> Rows:
        mine, column = self._columns
        values = column.decode(others)
        has = [mine.takes(value) for value in values]
        return np.array([mine.code(value) if is_there else entry
                         for value, is_there, entry in zip(values, has, entries, strict=True)])  # fmt: skip

    def _compared(self, one: Rows, other: Rows) -> Mask:
        (numbers, names), (other_numbers, other_names) = (
            self._told(entries, table) for entries, table in zip((one, other), self._tables, strict=True)
        )
        there = ~np.isnan(one) & ~np.isnan(other)
        if self._operator == "greater_than":
            return there & (numbers > other_numbers)
        if self._operator == "less_than":
            return there & (numbers < other_numbers)
        equal: Mask = np.where(names >= 0, names == other_names, numbers == other_numbers)
        return there & (equal if self._operator == "equals" else ~equal)

    def _told(self, entries: Rows, table: tuple[Rows, Rows] | None) -> tuple[Rows, Rows]:
        """The entries as numbers, NaN for what is none, and as names, -1 for what has none."""
        if table is None:
            return entries, np.full(len(entries), -1.0)
        codes = np.where(np.isnan(entries), -1, entries).astype(np.intp)
        return table[0][codes], table[1][codes]

    def _table(self, column: Column) -> tuple[Rows, Rows] | None:
        if not column.is_categorical:
            return None
        values = [*column.values, None]
        numbers = [float(value) if is_number(value) else np.nan for value in values]
        return np.array(numbers), np.array([float(self._names.get(identity(value), -1)) for value in values])


class AtMost:
    """No more than so many faults at once."""

    def __init__(self, most: int, groups: Sequence[Group], columns: Sequence[Column], fixed: dict[str, Any]) -> None:
        self._most = most
        index = {column.name: place for place, column in enumerate(columns)}
        self._switches = [_Switch(group, columns, index, fixed) for group in groups]

    @property
    def least(self) -> int:
        """How many faults there always are."""
        return sum(switch.off is None for switch in self._switches)

    def broken(self, rows: Rows) -> Mask:
        """See `Wide`."""
        too_many: Mask = self._on(rows).sum(axis=1) > self._most
        return too_many

    def redraw(self, rng: np.random.Generator, drawn: Rows, rows: Rows, broken: Mask) -> None:
        """See `Wide`: of the faults that are there, one to `most` stay."""
        wrong = np.flatnonzero(broken)
        on = self._on(rows[wrong])
        must = np.array([switch.off is None for switch in self._switches])
        ranks = np.where(on, rng.random(on.shape) - must, np.inf)  # those that cannot be left out come first
        kept = rng.integers(max(1, self.least), self._most + 1, len(wrong))
        leaves = on & (ranks.argsort(axis=1).argsort(axis=1) >= kept[:, None])
        for place, switch in enumerate(self._switches):
            if switch.off is not None:
                drawn[wrong[leaves[:, place]], switch.column] = switch.off

    def _on(self, rows: Rows) -> Mask:
        return np.column_stack([switch.is_on(rows) for switch in self._switches])


class _Switch:
    """What says whether a fault is there: its own fault type.

    Attributes:
        column, off: where it stands, and an entry that says that there is none; None where there always is one.
    """

    def __init__(self, group: Group, columns: Sequence[Column], index: dict[str, int], fixed: dict[str, Any]) -> None:
        *shared, own = group.of("fault_type")
        self._tables: list[tuple[int | None, Mask]] = []
        for source in (*shared, own):
            values = [fixed[source.name]] if source.name in fixed else columns[index[source.name]].values
            on = np.array([*(not is_no_fault(value) for value in values), False])
            self._tables.append((index.get(source.name), on))
        self.column = index.get(own.name, -1)
        offs = np.flatnonzero(~self._tables[-1][1][:-1])
        self.off = float(offs[0]) if self._is_own(own) and self.column >= 0 and len(offs) else None

    def is_on(self, rows: Rows) -> Mask:
        """In which rows the fault is there."""
        on: Mask = np.zeros(len(rows), bool)
        for place, table in self._tables:
            if place is None:
                on[:] = table[0]
                continue
            entries = rows[:, place]
            codes = np.where(np.isnan(entries), -1, entries).astype(np.intp)
            on = np.where(np.isnan(entries), on, table[codes])
        return on

    @staticmethod
    def _is_own(source: Source) -> bool:
        return "." in source.name


class Compared:
    """A constraint in which fields are compared with each other; see `rows.Rule`."""

    def __init__(self, when: Sequence[Any], then: Sequence[Any], impossible: bool) -> None:
        self._when, self._then, self._impossible = when, then, impossible

    def broken(self, rows: Rows) -> Mask:
        """See `Wide`."""
        applies = np.ones(len(rows), bool)
        for test in self._when:
            applies &= test(rows)
        kept = np.full(len(rows), not self._impossible)
        for test in self._then:
            kept &= test(rows) | test.absent(rows)
        broken: Mask = applies & ~kept
        return broken

    def redraw(self, rng: np.random.Generator, drawn: Rows, rows: Rows, broken: Mask) -> None:
        """See `Wide`: the `then` side is drawn again from what it allows."""
        for test in self._then:
            wrong = np.flatnonzero(broken & ~test(rows) & ~test.absent(rows))
            if len(wrong):
                test.redraw(rng, drawn, wrong)


def at_most_rules(
    most: int | None, groups: Sequence[Group], columns: Sequence[Column], fixed: dict[str, Any]
) -> Iterable[Wide]:
    """The rule of `at_most`, where it says anything.

    Raises:
        InvalidInput: more faults than that are always there.
    """
    if most is None or most >= len(groups):
        return []
    rule = AtMost(most, groups, columns, fixed)
    if rule.least > most:
        raise InvalidInput("at_most", f"must be at least {rule.least}: so many faults have no fault_type none", most)
    return [rule]
