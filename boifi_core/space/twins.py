"""Which points of a space send the same faults as others, why, and how many different faults there are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from boifi_core.errors import listed
from boifi_core.faults.kinds import KINDS
from boifi_core.space.canonical import Canonical
from boifi_core.space.cells import count_rows
from boifi_core.space.condition import Condition
from boifi_core.space.dimension import Dimension
from boifi_core.space.layout import Layout
from boifi_core.space.plans import is_no_fault
from boifi_core.space.rows import Column, Rows
from boifi_core.space.sent import Sent

_LISTED = 200_000
"""Of so many combinations of values, all are looked at."""


def reasons(dimensions: tuple[Dimension, ...], sent: Sent, canonical: Canonical, some: Rows) -> list[str]:
    """Why points send the same faults, a line for each dimension, with what keeps them from being counted twice.

    Args:
        some: rows of the space.
    """
    found = []
    idle = np.any(~sent.matters(some) & ~np.isnan(some), axis=0).tolist()
    for index, dimension in enumerate(dimensions):
        if idle[index] and not _is_single(dimension):
            cure = _kinds_of(index, dimensions, sent)
            found.append(
                f"{dimension.name}: points that differ in it alone send the same faults"
                + (" where it is not sent" if cure is None else f" unless {cure}; {_written(cure)} counts them once")
            )
        elif sent.rounds(index):
            found.append(f"{dimension.name}: is sent in whole numbers, so points that round alike are one")
        elif len(same := _sent_alike(dimension, index, sent)) > 1:
            found.append(f"{dimension.name}: {listed(same)} are sent alike")
    for members in canonical.alike:
        names = [f"{sent.groups[number].prefix}." for number, _ in members]
        found.append(f"{listed(names)}: which of these faults is which makes no difference")
    return found


def n_faults(dimensions: tuple[Dimension, ...], layout: Layout, sent: Sent, canonical: Canonical) -> int | None:
    """How many different faults there are, constraints counted where all can be looked at; None if nobody can tell."""
    entries = [_entries(column, index, sent) for index, column in enumerate(layout.columns)]
    if (
        all(each is not None for each in entries)
        and math.prod(len(each) for each in entries if each is not None) <= _LISTED
    ):
        grid = np.meshgrid(*(each for each in entries if each is not None), indexing="ij")
        rows = layout.masked(np.column_stack([axis.ravel() for axis in grid]))
        return len(set(sent.ids(rows[layout.valid(rows)])))
    if canonical.alike or any(len(_sent_alike(each, i, sent)) > 1 for i, each in enumerate(dimensions)):
        return None
    return _counted(dimensions, layout, sent)


def _counted(dimensions: tuple[Dimension, ...], layout: Layout, sent: Sent) -> int | None:
    """The same by counting."""
    told = []
    for index, (dimension, column) in enumerate(zip(implied(dimensions, sent), layout.columns, strict=True)):
        if sent.rounds(index):
            low, high = (float(end) for end in sent.sent_numbers(index, np.array([column.low, column.high])))
            dimension = replace(dimension, type="integer", low=low, high=high, step=None, log_scale=False)
        told.append(dimension)
    return count_rows(Layout(told, (), sent.fixed))


def implied(dimensions: tuple[Dimension, ...], sent: Sent) -> list[Dimension]:
    """The dimensions, each with the condition under which it says something, where it has none."""
    conditions = (_kinds_of(index, dimensions, sent) for index in range(len(dimensions)))
    return [
        each if each.condition is not None or condition is None else replace(each, condition=condition)
        for each, condition in zip(dimensions, conditions, strict=True)
    ]


def _entries(column: Column, index: int, sent: Sent) -> Rows | None:
    """Of a column each entry that is sent otherwise than the others; None if endlessly many."""
    if column.is_categorical:
        return np.arange(len(column.values), dtype=float)
    if sent.rounds(index):
        low, high = sent.sent_numbers(index, np.array([column.low, column.high]))
        if high - low > _LISTED:
            return None
        # Between two that are sent apart lies one that is sent as either; the ends may be cut off.
        around = np.linspace(column.low, column.high, 4 * int(high - low + 1) + 1)
        _, first = np.unique(sent.sent_numbers(index, around), return_index=True)
        return np.asarray(around[first])
    count = column.count(column.low, column.high)
    if count is None or count > _LISTED:
        return None
    return column.taken(column.low + column.grain * np.arange(count, dtype=np.float64), np.round)


def _written(condition: Condition) -> str:
    """The condition as it stands in a file."""
    return f"condition: {{{', '.join(f'{key}: {_yaml(value)}' for key, value in condition.dump().items())}}}"


def _yaml(value: object) -> str:
    return f"[{listed(value)}]" if isinstance(value, list) else str(value)


def _is_single(dimension: Dimension) -> bool:
    return len(dimension.values) == 1


def _sent_alike(dimension: Dimension, index: int, sent: Sent) -> list[object]:
    if dimension.type != "categorical":
        return []
    codes = np.arange(len(dimension.values), dtype=float)
    first = sent.rounded(index, codes)
    twins = set(first[first != codes].tolist())
    return [value for value, code in zip(dimension.values, first.tolist(), strict=True) if code in twins]


def _kinds_of(index: int, dimensions: tuple[Dimension, ...], sent: Sent) -> Condition | None:
    """Of a dimension of one fault whose type is searched: that the type is one that has this field."""
    fed = sent.feeds(index)
    if len(fed) != 1:
        return None
    number, source = fed[0]
    types = sent.groups[number].of("fault_type")
    searched = next((each for each in dimensions if each.name == types[-1].name), None)
    if len(types) != 1 or searched is None or searched.name == dimensions[index].name or searched.condition is not None:
        return None
    values = [*_having(source.field, searched.values)]
    if not values or len(values) == len(searched.values):
        return None
    if len(values) == 1:
        return Condition(field=searched.name, operator="equals", value=values[0])
    return Condition(field=searched.name, operator="in", value=tuple(values))


def _having(field: str, types: Iterable[object]) -> Iterator[object]:
    """The fault types that have the field."""
    own = {name for kind in KINDS.values() for name in kind.names}
    for fault_type in types:
        name = str(fault_type).lower()
        if not is_no_fault(fault_type) and (field not in own or field in KINDS[name].names):
            yield fault_type
