"""Choosing one of several ways by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from boifi_core.errors import InvalidInput

T = TypeVar("T")


def pick(table: Mapping[str, T], name: str, field: str) -> T:
    """The entry of that name.

    Raises:
        InvalidInput: there is none; the known names are listed.
    """
    if name not in table:
        raise InvalidInput(field, f"must be one of {', '.join(table)}", name)
    return table[name]
