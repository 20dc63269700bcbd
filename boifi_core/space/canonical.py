"""Of all points that send the same faults, the one that is proposed and learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from boifi_core.space.dimension import Dimension
from boifi_core.space.layout import Layout
from boifi_core.space.plans import Group
from boifi_core.space.rows import Mask, Rows
from boifi_core.space.sent import Sent


class Canonical:
    """From rows to those that stand for all that send the same.

    What is not sent rests at its default or lowest value, what is rounded is at the value that is sent, and faults
    that are alike stand in a fixed order. A row that conditions or constraints do not let be so stays as it is.
    """

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        layout: Layout,
        groups: Sequence[Group],
        fixed: Mapping[str, Any],
        sent: Sent,
    ) -> None:
        self._layout, self._sent = layout, sent
        # What decides whether others are there is left alone.
        asked = {parent.index for parent in layout.parents if parent is not None}
        self._free = [index for index in range(len(dimensions)) if index not in asked]
        self._rest = [
            column.low if dimension.default is None else column.code(dimension.default)
            for dimension, column in zip(dimensions, layout.columns, strict=True)
        ]
        self.alike = _alike(dimensions, layout, groups, fixed)

    def __call__(self, rows: Rows) -> Rows:
        """Rows of the same shape."""
        if not len(rows):
            return rows
        found, matters = rows.copy(), self._sent.matters(rows)
        for index in self._free:
            entries = np.where(matters[:, index], self._sent.rounded(index, rows[:, index]), self._rest[index])
            found[:, index] = np.where(np.isnan(rows[:, index]), np.nan, entries)
        for members in self.alike:
            self._in_order(found, members)
        kept = self._layout.valid(found)
        return np.where(kept[:, None], found, rows)

    def filled(self, row: Rows) -> Rows:
        """The row, with what is absent at rest."""
        return np.where(np.isnan(row), self._rest, row)

    def _in_order(self, rows: Rows, members: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Put these faults, each with its columns, in order within each row: those that are there first."""
        columns = np.array([columns for _, columns in members])
        block = rows[:, columns]
        off = ~self._sent.on(rows)[:, [number for number, _ in members]]
        keys = np.nan_to_num(np.moveaxis(block, 2, 0), nan=np.inf)
        order = np.lexsort((*keys[::-1], off), axis=-1)
        rows[:, columns] = np.take_along_axis(block, order[:, :, None], axis=1)


class Apart:
    """No two faults are at one place; a rule over several columns, see `wide.py`.

    Attributes:
        sent: what tells places.
        movable: of each fault, the columns that say where it is, and may say otherwise.
    """

    def __init__(self, sent: Sent, layout: Layout) -> None:
        self.sent, self._layout = sent, layout
        columns = layout.columns
        self.movable = [
            [index for index in sent.own_places(number) if columns[index].low < columns[index].high]
            for number in range(len(sent.groups))
        ]

    def broken(self, rows: Rows) -> Mask:
        """See `Wide`."""
        broken: Mask = np.any(self.sent.doubled(rows), axis=1)
        return broken

    def redraw(self, rng: np.random.Generator, drawn: Rows, rows: Rows, broken: Mask) -> None:
        """See `Wide`: all but one fault move elsewhere."""
        wrong = np.flatnonzero(broken)
        doubled = self.sent.doubled(rows[wrong])
        for number, columns in enumerate(self.movable):
            mine = wrong[doubled[:, number]]
            for index in columns:
                drawn[mine, index] = self._layout.columns[index].from_unit(rng.random(len(mine)))


def _alike(
    dimensions: Sequence[Dimension], layout: Layout, groups: Sequence[Group], fixed: Mapping[str, Any]
) -> list[list[tuple[int, list[int]]]]:
    """The faults that could change names with one another, each with its own columns, in one order of words."""
    if len(groups) < 2:
        return []
    prefixes = {group.prefix for group in groups}
    outside = {
        dimension.condition.field.partition(".")[0]
        for dimension in dimensions
        if dimension.condition is not None
        and "." in dimension.condition.field
        and dimension.condition.field.partition(".")[0] != dimension.name.partition(".")[0]
    }
    by_shape: dict[str, list[tuple[int, list[int]]]] = {}
    for number, group in enumerate(groups):
        own = {source.word: source.name for source in group.sources if source.name.partition(".")[0] == group.prefix}
        searched = sorted(word for word, name in own.items() if name in layout.index)
        if group.prefix in outside or not searched or "" in prefixes:
            continue
        columns = [layout.index[own[word]] for word in searched]
        shape = [_without_prefix(dimensions[index], word) for index, word in zip(columns, searched, strict=True)]
        still = {word: fixed[name] for word, name in own.items() if name in fixed}
        by_shape.setdefault(repr((shape, sorted(still.items()))), []).append((number, columns))
    return [members for members in by_shape.values() if len(members) > 1]


def _without_prefix(dimension: Dimension, word: str) -> Dimension:
    condition = dimension.condition
    if condition is not None and "." in condition.field:
        condition = condition.model_copy(update={"field": condition.field.partition(".")[2]})
    return replace(dimension, name=word, condition=condition, description="")
