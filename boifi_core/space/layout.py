"""The columns of a space together: which are there, and what must hold between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from boifi_core.models import Point
from boifi_core.space.condition import Condition
from boifi_core.space.constraint import Constraint
from boifi_core.space.dimension import Dimension
from boifi_core.space.rows import ABSENT, Column, Mask, Rows, Rule, Statement
from boifi_core.space.wide import MIRRORED, Compared, Comparison, Wide


class Layout:
    """The columns of a space, what each depends on, and the rules between them.

    Attributes:
        columns, index: of each dimension, in the user's order; where each name stands.
        parents: what must hold for a column to be there.
        order: the columns, parents first.
        rules: constraints that compare with constants; a search over cells decides them.
        wide: rules that need more than one column; they are found by drawing.
    """

    def __init__(
        self, dimensions: Sequence[Dimension], constraints: Sequence[Constraint], fixed: Mapping[str, Any]
    ) -> None:
        self.columns = [Column(dimension) for dimension in dimensions]
        self.index = {column.name: index for index, column in enumerate(self.columns)}
        self.parents: list[Statement | None] = [
            None if dimension.condition is None else self._test(dimension.condition) for dimension in dimensions
        ]
        self.order = self._parents_first()
        found = [self._rule(constraint, fixed) for constraint in constraints]
        self.rules = [rule for rule in found if isinstance(rule, Rule)]
        self.wide: list[Wide] = [rule for rule in found if isinstance(rule, Compared)]

    def _test(self, condition: Condition) -> Statement:
        index = self.index[condition.field]
        return Statement(condition, index, self.columns[index])

    def _test_or_comparison(self, condition: Condition) -> Statement | Comparison:
        if condition.other is None:
            return self._test(condition)
        return Comparison(condition, self.index[condition.field], self.index[condition.other], self.columns)

    def _rule(self, constraint: Constraint, fixed: Mapping[str, Any]) -> Rule | Compared | None:
        asked_when = [_with_constants(condition, fixed) for condition in constraint.when]
        asked_then = [_with_constants(condition, fixed) for condition in constraint.then]
        if not all(condition.holds(fixed) for condition in asked_when if condition.field in fixed):
            return None
        impossible = not all(condition.holds(fixed) for condition in asked_then if condition.field in fixed)
        left = [[each for each in asked if each.field not in fixed] for asked in (asked_when, asked_then)]
        if not left[1] and not impossible:
            return None
        if all(condition.other is None for asked in left for condition in asked):
            when, then = (tuple(map(self._test, asked)) for asked in left)
            return Rule(when, then, impossible)
        tests = [[self._test_or_comparison(each) for each in asked] for asked in left]
        return Compared(tests[0], tests[1], impossible)

    def _parents_first(self) -> list[int]:
        depths: dict[int, int] = {}
        for index in range(len(self.columns)):
            path = [index]
            while path[-1] not in depths and (parent := self.parents[path[-1]]) is not None:
                path.append(parent.index)
            deepest = depths.setdefault(path[-1], 0)
            depths |= {each: deepest + up for up, each in enumerate(reversed(path))}
        return sorted(range(len(self.columns)), key=depths.__getitem__)

    def masked(self, rows: Rows) -> Rows:
        """The rows with NaN in every dimension whose condition does not hold."""
        rows = rows.copy()
        for index in self.order:
            parent = self.parents[index]
            if parent is not None:
                rows[~parent(rows), index] = np.nan
        return rows

    def from_unit(self, unit: Rows) -> Rows:
        """Rows, none absent, from numbers in [0, 1), shape (n, dimensions)."""
        return np.column_stack([column.from_unit(unit[:, i]) for i, column in enumerate(self.columns)])

    def draw(self, rng: np.random.Generator, n: int) -> Rows:
        """`n` random rows, none absent, before conditions and constraints."""
        return self.from_unit(rng.random((n, len(self.columns))))

    def valid(self, rows: Rows) -> Mask:
        """Which rows break no rule."""
        broken = np.zeros(len(rows), bool)
        for rule in self.rules:
            broken |= rule.broken(rows)
        for wide in self.wide:
            broken |= wide.broken(rows)
        return ~broken

    def points(self, rows: Rows) -> list[Point]:
        """The rows as points."""
        names = [column.name for column in self.columns]
        values = [column.decode(rows[:, i]) for i, column in enumerate(self.columns)]
        if not np.isnan(rows).any():
            return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not ABSENT}
            for row in zip(*values, strict=True)
        ]

    def rows(self, points: Sequence[Point]) -> Rows:
        """The points as rows; their values must be ones that the dimensions contain."""
        rows = np.full((len(points), len(self.columns)), np.nan)
        for index, column in enumerate(self.columns):
            name, code = column.name, column.code
            rows[:, index] = [code(point[name]) if name in point else np.nan for point in points]
        return rows


def _with_constants(condition: Condition, fixed: Mapping[str, Any]) -> Condition:
    """The same statement, where one of two fields is fixed, about the other one alone."""
    field, operator, other = condition.field, condition.operator, condition.other
    if other is None or (field in fixed) is (other in fixed):
        return condition
    if other in fixed:
        return Condition(field=field, operator=operator, value=fixed[other])
    return Condition(field=other, operator=MIRRORED[operator], value=fixed[field])
