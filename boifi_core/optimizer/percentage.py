"""How strong faults are: what a fault does shows first when it strikes most requests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column, Rows

Floats = NDArray[np.float64]

_FIELD = "percentage"
_STRONG = 0.7
"""From which part of its range on a percentage is a strong one."""


def lean(space: SearchSpace, rows: Rows) -> Rows:
    """The rows with every percentage moved into the upper part of its range, where constraints allow that."""
    leaning = rows.copy()
    for index, column in enumerate(space.layout.columns):
        if _is_percentage(column):
            leaning[:, index] = column.nearest(strong_part(column, column.to_unit(rows[:, index])))
    return np.where(space.valid_rows(leaning)[:, None], space.canonical_rows(leaning), rows)


def strong_part(column: Column, unit: Floats) -> Floats:
    """Of a percentage, numbers from 0 to 1 spread over its upper part; of any other dimension, the same numbers."""
    return _STRONG + (1 - _STRONG) * unit if _is_percentage(column) else unit


def strength(space: SearchSpace, rows: Rows) -> Floats:
    """Where each row's percentages lie between their bounds, 0 to 1, multiplied; 1 without any; shape (n,)."""
    product = np.ones(len(rows))
    for index, column in enumerate(space.layout.columns):
        if _is_percentage(column):
            product *= np.nan_to_num(column.to_unit(rows[:, index]), nan=1.0)
    return product


def _is_percentage(column: Column) -> bool:
    return column.name.rpartition(".")[2] == _FIELD and not column.is_categorical
