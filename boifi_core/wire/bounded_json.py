"""JSON from anybody, read within bounds: what would fill the memory is refused before it is read."""

from __future__ import annotations

import json
from typing import Any

MAX_BYTES = 10 * 1024 * 1024
"""Longest text that is read, in UTF-8."""

MAX_CONTAINERS = 300_000
"""Most objects and lists. Empty ones take thirty times the memory of their two characters."""

MAX_VALUES = 800_000
"""Most entries of all objects and lists together, about; 10 MB of an ordinary trace have some 600,000."""


class TooLarge(ValueError):
    """More than is read; the text says of what, beginning with `must`."""


def loads(text: str | bytes) -> Any:
    """The JSON value that `text` spells.

    The bounds are counted on the text, before a value is made, so brackets and commas within texts count too.

    Raises:
        TooLarge: too long, or too many values.
        ValueError: not JSON, or nested deeper than Python can follow; one line, which begins with `must`.
    """
    check_size(text)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("must be JSON: nested too deep") from None
    except ValueError as error:
        raise ValueError(f"must be JSON: {error}") from None


def check_size(text: str | bytes) -> None:
    """Return if `text` can be read within bounds.

    Raises:
        TooLarge: it cannot.
    """
    size = len(text)
    if isinstance(text, str) and size <= MAX_BYTES and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise TooLarge(f"must have at most {MAX_BYTES} bytes, got {size}")
    containers = _count(text, "{") + _count(text, "[")
    if containers > MAX_CONTAINERS:
        raise TooLarge(f"must have at most {MAX_CONTAINERS} objects and lists, got {containers}")
    values = _count(text, ",") + containers
    if values > MAX_VALUES:
        raise TooLarge(f"must have at most {MAX_VALUES} values, got {values}")


def _count(text: str | bytes, character: str) -> int:
    return text.count(character) if isinstance(text, str) else text.count(character.encode())
