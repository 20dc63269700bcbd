"""What BOIFI raises on purpose. Each class tells its catcher what to do next."""

from __future__ import annotations

import difflib
import heapq
import re
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

_LONGEST_COMPARED = 64
_MOST_COMPARED = 100

_LONGEST_FIELD, _LONGEST_RULE = 400, 2_000
"""Of a message, characters: it stays one that people can read, whatever they wrote."""


class BoifiError(Exception):
    """Anything BOIFI raises on purpose."""

    safe_to_retry = False


class InvalidInput(BoifiError, ValueError):
    """What the user wrote cannot work; one line names the field, the rule and the value.

    Args:
        field: where it stands, dotted, as the user wrote it: `search_space.dimensions[2].min`.
        rule: what must hold: `must be below max`.
        value: what was found; left out of the message when not given.
    """

    _NOT_GIVEN = object()

    def __init__(self, field: str, rule: str, value: Any = _NOT_GIVEN) -> None:
        field, rule = clipped(printable(field), _LONGEST_FIELD), clipped(rule, _LONGEST_RULE)
        self.field = field
        self.rule = rule
        got = "" if value is self._NOT_GIVEN else f", got {shown(value)}"
        super().__init__(printable(f"{field}: {rule}{got}"))
        self._arguments = (field, rule, value)

    def at(self, field: str) -> InvalidInput:
        """The same complaint, at the field as its writer named it."""
        return InvalidInput(field, *self._arguments[1:])

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[Any, ...]]:
        if self._arguments[2] is self._NOT_GIVEN:
            return type(self), self._arguments[:2]
        return type(self), self._arguments


class SpaceExhausted(BoifiError):
    """Every point of a finite search space was tried; there is nothing left to propose."""


class ExecutorError(BoifiError):
    """The control plane, or what stands in for it, did not do what was asked."""


class ExecutorUnreachable(ExecutorError):
    """No connection, or it was cut, or the other side answers 5xx or 429.

    Policies are replaced by name, so repeating is harmless.
    """

    safe_to_retry = True


class ExecutorTimedOut(ExecutorError):
    """No answer in time, or no observation newer than the policy in time."""

    safe_to_retry = True


class ExecutorRejected(ExecutorError):
    """The request itself was refused (4xx); repeating it cannot help."""


class ExecutorBadAnswer(ExecutorError):
    """An answer that cannot be read: no JSON, the wrong shape, or too large. The next one may be sound."""

    safe_to_retry = True


def shown(value: Any, limit: int = 80) -> str:
    """A value as whoever wrote it would know it again, in YAML or JSON; cut where it is longer than `limit`."""
    text = re.sub(r"//[^/@\s]+@", "//…@", _written(value, limit))  # credentials in a URL are not for the terminal
    return clipped(text, limit)


def clipped(text: str, longest: int) -> str:
    """A text, cut where it is longer than so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _written(value: Any, limit: int) -> str:
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return repr(value[: limit + 1])  # as YAML may have it too
        case int() if abs(value) >= 10**limit:
            return f"a number of more than {limit} digits"
        case int() | float():
            return str(value)
        case dict():
            pairs = (f"{_written(key, limit)}: {_written(each, limit)}" for key, each in islice(value.items(), limit))
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple() | set() | frozenset():
            return f"[{', '.join(_written(each, limit) for each in islice(value, limit))}]"
        case bytes():
            return f"{len(value)} bytes"
    return str(value)


def printable(text: str) -> str:
    """`text` on one line that can be shown in a terminal: what cannot be printed is written out."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def counted(n: int, what: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def listed(names: Collection[Any], most: int = 30) -> str:
    """The names with commas between them; of very many the first, and how many there are."""
    texts = (name if isinstance(name, str) else shown(name) for name in islice(names, most))
    text = ", ".join(each if len(each) <= 80 else f"{each[:79]}…" for each in texts)
    return text + (f", … ({len(names)} in all)" if len(names) > most else "")


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean payments?` after what is said of an unknown name; empty where none is like it."""
    if len(name) > _LONGEST_COMPARED:
        return ""
    # To compare takes long: of very many those alone that are about as long.
    likely = heapq.nsmallest(_MOST_COMPARED, known, key=lambda each: abs(len(each) - len(name)))
    nearest = difflib.get_close_matches(name, [each for each in likely if len(each) <= 2 * _LONGEST_COMPARED], n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""
