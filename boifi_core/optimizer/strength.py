"""Where faults are strong: what a fault does shows first when it strikes most requests."""

from __future__ import annotations

import numpy as np

from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

_FIELD = "percentage"
_STRONG = 0.7
"""From which part of its range on a percentage is a strong one."""


def lean(space: SearchSpace, rows: Rows) -> Rows:
    """The rows with every percentage moved into the upper part of its range, where constraints allow that."""
    leaning = rows.copy()
    for index, column in enumerate(space.layout.columns):
        if column.name.rpartition(".")[2] == _FIELD and not column.is_categorical:
            share = column.to_unit(rows[:, index])
            leaning[:, index] = column.nearest(_STRONG + (1 - _STRONG) * share)
    return np.where(space.valid_rows(leaning)[:, None], leaning, rows)
