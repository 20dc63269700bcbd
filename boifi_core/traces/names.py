"""What an operation is called without the ids in its name; no other place knows what an id looks like."""

from __future__ import annotations

import re
from functools import lru_cache

PLACEHOLDER = "{id}"
"""Stands where an id stood."""

_QUERY = re.compile(r"(?<=[\w/}.~-])\?[\w%]\S*")
_TOKEN = re.compile(r"[^\s/:=,;#()\[\]{}<>\"'&|@]+")
_ID = re.compile(
    r"\d+"
    r"|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
    r"|\d{1,3}(?:\.\d{1,3}){3}"
)
_HEX = re.compile(r"[0-9A-Fa-f-]{8,}")
_NUMBERED = re.compile(r"[A-Za-z]+[-_]\d+")
_LONG = re.compile(r"[\w-]{20,}")
_DIGIT = re.compile(r"\d")

_FEWEST_DIGITS = 3  # long names of services and methods have a digit or two (`…-service-v2`), ids have more


@lru_cache(maxsize=8192)
def without_ids(name: str) -> str:
    """The name with `{id}` in place of numbers, UUIDs, hashes, addresses and the like, and without a URL's query.

    A word of letters and a number (`sku-7`) is an id only as a segment of a path: elsewhere it names things
    (`reviews-2`).
    """
    plain = _QUERY.sub("", name)
    return _TOKEN.sub(lambda match: _replaced(match[0], plain[match.start() - 1 : match.start()] == "/"), plain)


def _replaced(token: str, in_path: bool) -> str:
    digits = len(_DIGIT.findall(token))
    if digits == 0:
        return token
    is_id = (
        _ID.fullmatch(token)
        or _HEX.fullmatch(token)
        or (digits >= _FEWEST_DIGITS and _LONG.fullmatch(token))
        or (in_path and _NUMBERED.fullmatch(token))
    )
    return PLACEHOLDER if is_id else token
