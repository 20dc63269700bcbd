"""What an operation is called without the ids in its name, as far as a name alone tells; `folding` learns the rest."""

from __future__ import annotations

import re
from functools import lru_cache

PLACEHOLDER = "{id}"
"""Stands where an id stood."""

TOKEN = re.compile(r"[^\s/:=,;#()\[\]{}<>\"'&|@]+")
"""What of a name may be an id: the words between blanks, slashes and the like."""

_QUERY = re.compile(r"(?<=[\w/}.~-])\?[\w%]\S*")
_WHOLE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?"  # a moment
    r"|(?<![\w.+%-])[\w.+%-]{1,64}(?:@|%40)\w[\w-]{0,62}(?:\.[\w-]{1,63})+"  # an e-mail address
    r"|(?<!\W[0-9A-Fa-f]{2}:)(?<![\w.-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])"  # a network card's address
    r"|(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:.])"  # an address of IPv6, in full and shortened
    r"|(?<![\w:.])(?=[A-Fa-f:]*\d)(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}(?![\w:.])"
)
_LIST = re.compile(r"\{id\}(?:,\s?\{id\})+")
_ID = re.compile(
    r"\d+"
    r"|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
    r"|\d{1,3}(?:\.\d{1,3}){3}"
    r"|0[xX][0-9A-Fa-f]{4,}"
    r"|amq\.gen-[\w-]{8,}|_INBOX\.[\w.-]{8,}"  # what RabbitMQ and NATS call the queues of one client
)
_HEX = re.compile(r"[0-9A-Fa-f-]{8,}")
_NUMBERED = re.compile(r"[A-Za-z]+[-_]\d+")
_LONG = re.compile(r"[\w-]{20,}")
_DIGIT = re.compile(r"\d")
_PORT = re.compile(r"\d{2,5}")
_AUTHORITY = re.compile(r"(?://|(?:^|\s)(?:in|e)gress )$")
_BEFORE_HOST = re.compile(r"[\s/:@]")
_HOST = re.compile(r"[A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)+")
_PARTS = re.compile(r"[-_.+]")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])[0-9]?|[0-9]+")

_LONGEST_HOST = 253
_FEWEST_DIGITS = 3  # long names of services and methods have a digit or two (`…-service-v2`), ids have more
_MANY_DIGITS = 6
_SHORTEST_RANDOM = 8
_LETTERS_A_WORD = 2.5


@lru_cache(maxsize=8192)
def without_ids(name: str) -> str:
    """The name with `{id}` in place of numbers, UUIDs, hashes, addresses and the like, and without a URL's query.

    A word of letters and a number (`sku-7`) is an id only as a segment of a path: elsewhere it names things
    (`reviews-2`). The port of a host (`helloworld:5000/`) is none.
    """
    plain = _QUERY.sub("", name)
    if "@" in plain or "%40" in plain or _DIGIT.search(plain):
        plain = _WHOLE.sub(PLACEHOLDER, plain)
        return once_each(TOKEN.sub(lambda match: _replaced(match, plain), plain))
    return plain


def once_each(name: str) -> str:
    """The name with one `{id}` for a list of them, `/items/1,2,3`, however many there are."""
    return _LIST.sub(PLACEHOLDER, name)


def is_port(match: re.Match[str], name: str) -> bool:
    """Whether the word is the port of a host: before a path, after `//` or `egress`, or of a name with dots."""
    start, end = match.span()
    if name[start - 1 : start] != ":" or not _PORT.fullmatch(match[0]):
        return False
    before = name[max(0, start - 1 - _LONGEST_HOST) : start - 1]
    host = _BEFORE_HOST.split(before)[-1]
    is_in_path = before.removesuffix(host).endswith("/") and not before.removesuffix(host).endswith("//")
    if not host or host.isdecimal() or is_in_path:
        return False
    is_told = name[end : end + 1] == "/" or _AUTHORITY.search(before.removesuffix(host))
    return bool(is_told or _HOST.fullmatch(host))


def _replaced(match: re.Match[str], name: str) -> str:
    token = match[0]
    digits = len(_DIGIT.findall(token))
    if digits == 0 or is_port(match, name):
        return token
    is_id = (
        _ID.fullmatch(token)
        or _HEX.fullmatch(token)
        or digits >= _MANY_DIGITS
        or (digits >= _FEWEST_DIGITS and _LONG.fullmatch(token))
        or (name[match.start() - 1 : match.start()] == "/" and _NUMBERED.fullmatch(token))
        or is_random(token)
    )
    return PLACEHOLDER if is_id else token


def is_random(word: str) -> bool:
    """Whether letters of both cases, and digits, follow each other as in no words: `dQw4w9WgXcQ`, `cus_Nf7hFeUf2Hib`,
    but not `getS3ObjectV2`. Of 66,000 such names in Python's libraries three in a thousand do, half of them keys.
    """
    return any(
        len(part) >= _SHORTEST_RANDOM
        and part.isascii()
        and part.isalnum()
        and not part.islower()
        and not part.isupper()
        and len(part) < _LETTERS_A_WORD * len(_WORDS.findall(part))
        for part in _PARTS.split(word)
    )
