"""Input that is wrong in every way, and what a message about it must be: words, about a place that its writer knows."""

import datetime
import math
import re

from boifi_core.errors import printable

WRONG = [
    None,
    True,
    "",
    " ",
    "no such thing",
    "x" * 5000,
    "\x00\u202e",
    "${NOT_SET",
    "http://[::1",
    "http://a:99999",
    "http://a:http",
    "-1",
    -1,
    0,
    1.5,
    1e308,
    10**400,
    math.nan,
    math.inf,
    -math.inf,
    [],
    [[]],
    [None],
    ["x" * 300, {"a": 1}],
    {},
    {"a": {"b": [1]}},
    {"type": "no such kind"},
]
"""What JSON can carry."""

WRONG_IN_YAML = [*WRONG, {1: 2}, {None: 1}, {True: 1}, {2.5: 1}, b"bytes", datetime.date(2026, 1, 1), {"a", "b"},
                 (1, 2), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)]  # fmt: skip
"""And what a YAML file can have beside it."""

MACHINE = re.compile(
    r"pydantic|constrained|function-|tagged-union|json-or-python|model-type|\[key\]|Input should|String should"
    r"|Value error|Assertion|[Ii]nstance of|<class|<function| object at |\bNone\b|\bTrue\b|\bFalse\b|\bb'"
    r"|\w+Error\b|\w+Exception\b"
    r"|NoneType|\bdict\b|\btuple\b|\bstr\b|\bint\b|\bfloat\b|SecretStr|PosixPath|datetime\.|Decimal|lambda|__\w+__"
    r"|\bregex|\bpattern\b|\[\^|\\[wdsb]|\(\?|\]\{\d|\)\$|Traceback|could not be cast|out of range \d"
    r"|errors\.|unhashable"
)
"""What only a programmer of this would say."""


def places(value, path=()):
    """The path of every value within a document, its own first."""
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, (*path, number))


def changed(document, path, value):
    """The document with another value at this path."""
    if not path:
        return value
    first, *rest = path
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[first] = changed(document[first], rest, value)
    return copy


def with_unknown_key(document, path):
    """The document with a key that nobody knows in the mapping at this path."""
    return changed(document, (*path, "no_such_key"), 1) if path else {**document, "no_such_key": 1}


def wrong_documents(document, wrong=WRONG):
    """The document with one thing in it wrong, in every place and every way."""
    for path in places(document):
        if path:
            yield from (changed(document, path, value) for value in wrong)
        within = document
        for part in path:
            within = within[part]
        if isinstance(within, dict):
            yield changed(document, path, {**within, "no_such_key": 1})
            for key in within:
                yield changed(document, path, {name: each for name, each in within.items() if name != key})


def is_in(document, field):
    """Whether `field`, such as `a.b[3]`, is a place in the document, or one in a mapping or of a name that it has."""
    return field in ("session file", "campaign file", "input") or _leads_on(document, field)


def _leads_on(value, field):
    if not field:
        return True
    if isinstance(value, dict):
        by_name = {printable(str(key)): each for key, each in value.items()}
        names = [name for name in by_name if field == name or field.startswith((f"{name}.", f"{name}["))]
        return any(_leads_on(by_name[name], field[len(name) :].removeprefix(".")) for name in names) or bool(
            re.fullmatch(r"\w+", field) or _leads_on(value.get("dimensions"), field)  # one that is missing
        )
    if isinstance(value, list) and any(
        isinstance(each, dict) and printable(str(each.get("name"))) == field for each in value
    ):
        return True
    number = re.match(r"\[(\d+)\]\.?", field)
    if number and isinstance(value, (list, tuple)) and int(number[1]) < len(value):
        return _leads_on(value[int(number[1])], field[number.end() :])
    return False


def problem(document, field, message):
    """What is wrong with a message about the document; None if nothing is.

    Args:
        field: the place that it names.
        message: the rest of it, with the value at its end if it shows one.
    """
    rule = message.partition(", got ")[0]
    if not is_in(document, field):
        return f"{field}: is no place in what was written ({message})"
    if found := MACHINE.search(rule):
        return f"{field}: {message}: says {found[0]!r}"
    if found := re.search(r", got (None|True|False|b'|datetime|\w+\(|<)", message):
        return f"{field}: {message}: shows {found[1]!r}"
    if len(message) > 4000 or "\n" in message:
        return f"{field}: {message}: is no line"
    return None
