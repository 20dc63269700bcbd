"""Fields of anybody's JSON, each as what it should be or None."""

from __future__ import annotations

import math
from typing import Any

MAX_TEXT = 300
"""Characters of a name or an id that are kept."""

_LARGEST_NS = 1 << 63  # what every format's own integers hold


def text(value: Any) -> str | None:
    """Printable text of at most `MAX_TEXT` characters, also of a whole number; None for anything else, and for none."""
    if isinstance(value, str):
        if 0 < len(value) <= MAX_TEXT and value.isascii() and value.isprintable():  # as nearly all are
            return value
        return _sound(value) if value else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 1 << 128 else None
    return None


def _sound(value: str) -> str:
    if len(value) > MAX_TEXT:
        value = value[: MAX_TEXT - 1] + "…"
    # JSON escapes can spell half a surrogate pair, which no file or terminal takes.
    sound = value.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in sound)


def number(value: Any) -> float | None:
    """A finite number >= 0."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def whole(value: Any) -> int | None:
    """A whole number from 0 to 2^63, also as text, as protobuf's JSON writes the large ones."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _LARGEST_NS else None


def status_code(value: Any) -> int | None:
    """An HTTP status, or the 0 that proxies write where there was none."""
    found = whole(value)
    return found if found is not None and found <= 999 else None


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """A JSON list, empty for anything else."""
    return value if isinstance(value, list) else []
