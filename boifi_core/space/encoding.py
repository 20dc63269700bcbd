"""Rows as the numbers that a model learns from."""

from __future__ import annotations

import numpy as np

from boifi_core.space.layout import Layout
from boifi_core.space.rows import Rows

_NEUTRAL = 0.5


def encode_rows(layout: Layout, rows: Rows) -> Rows:
    """Shape (n, width), every entry 0 to 1.

    A number is scaled between its bounds (in logarithms with `log_scale`), a categorical dimension has one column per
    category. An absent category leaves all of its columns 0; an absent number is neutral (0.5), and a column of its own
    says whether it is there, for numbers that have a condition. Only rows told by another space may lie outside 0 to 1.
    """
    parts = []
    for index, column in enumerate(layout.columns):
        entries = rows[:, index]
        if column.is_categorical:
            parts.append(entries[:, None] == np.arange(len(column.values)))
            continue
        scaled = column.to_unit(entries)
        if layout.parents[index] is None:
            parts.append(np.where(np.isnan(entries), _NEUTRAL, scaled)[:, None])
            continue
        absent = np.isnan(entries)
        parts.append(np.column_stack([np.where(absent, _NEUTRAL, scaled), ~absent]))
    return np.hstack(parts).astype(np.float64, copy=False)


def encoded_width(layout: Layout) -> int:
    """How many columns `encode_rows` gives."""
    return sum(
        len(column.values) if column.is_categorical else 1 + (parent is not None)
        for column, parent in zip(layout.columns, layout.parents, strict=True)
    )
