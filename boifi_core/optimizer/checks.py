"""What the optimizer's numbers must keep to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from boifi_core.errors import InvalidInput


def is_finite(value: Any) -> bool:
    """Whether it is a number, neither a truth value nor infinite nor missing."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)


def whole(value: Any, field: str, least: int) -> int:
    """The whole number.

    Raises:
        InvalidInput: it is none, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidInput(field, f"must be a whole number of at least {least}", value)
    return int(value)


def not_negative(value: Any, field: str) -> float:
    """The number.

    Raises:
        InvalidInput: it is not finite, or less than 0.
    """
    if not is_finite(value) or value < 0:
        raise InvalidInput(field, "must be a finite number of at least 0", value)
    return float(value)
