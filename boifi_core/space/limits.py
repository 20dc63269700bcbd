"""How large a search space may be: far above real ones, and such that checking the largest takes about a second."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from boifi_core.errors import InvalidInput

MOST_DIMENSIONS = 200
MOST_FIXED = 200
MOST_CONSTRAINTS = 200
MOST_STATEMENTS = 1_000
"""In all constraints together."""

MOST_VALUES = 5_000
"""Of one dimension, or in one statement."""

MOST_VALUES_IN_ALL = 50_000
"""Of all dimensions together, and in all statements together."""

MOST_FAULTS = 50
"""At once."""

LONGEST_NAME = 200
LONGEST_TEXT = 2_000
LONGEST_FIXED = 10_000
"""Of one fixed field as JSON, characters."""


def check_count(entries: Sized, most: int, field: str, what: str = "entries") -> None:
    """Return if there are no more than `most`.

    Raises:
        InvalidInput: there are.
    """
    if len(entries) > most:
        raise InvalidInput(field, f"must have at most {most} {what}", len(entries))


def check_text(value: Any, field: str, longest: int = LONGEST_TEXT) -> None:
    """Return if `value` is no text, or one of at most `longest` characters.

    Raises:
        InvalidInput: it is longer.
    """
    if isinstance(value, str) and len(value) > longest:
        raise InvalidInput(field, f"must have at most {longest} characters", len(value))
