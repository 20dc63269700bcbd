"""What healthy answers have in common: their shape, and the values that never differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from boifi_core.observers.expect.answer import NO_JSON, Answer
from boifi_core.observers.expect.statement import as_words, same
from boifi_core.traces.names import without_ids

ENOUGH = 10
"""Of fewer answers nothing is learnt: what is the same in a few may be so by chance."""

MOST_ANSWERS = 1_000
_MOST_PLACES = 2_000
_MOST_MEMBERS = 200
_MOST_ENTRIES = 100
_MOST_VALUES = 20_000
_DEEPEST = 20
_LONGEST_TEXT = 2_000
_MOST_TOLD = 3

_TYPES = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}

_MOMENT = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?:\d\d|\b(?:19|20)\d\d\b")
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,200})", re.IGNORECASE)

_SINCE_1970 = (1e9, 3e9)
"""Seconds from 2001 to 2065; such a number may be a time, in seconds or finer."""

_NAME = re.compile(r"[A-Za-z_][\w-]{0,99}")

_VARIES = object()


@dataclass
class _Place:
    """What was seen at one place of the answers, in all of them.

    Attributes:
        value, template: of texts, numbers and booleans: the one that all were, as it is and without ids.
        members: of objects, those that may be in all of them, and in how many they were.
    """

    types: set[str] = field(default_factory=set)
    plain: int = 0
    value: Any = _VARIES
    template: Any = _VARIES
    is_ever_empty: bool = False
    objects: int = 0
    members: dict[str, int] = field(default_factory=dict)

    def add(self, value: Any) -> None:
        self.types.add(_type(value))
        if isinstance(value, dict):
            for name in islice(value, _MOST_MEMBERS):
                if self.objects == 0 or name in self.members:
                    self.members[name] = self.members.get(name, 0) + 1
            self.objects += 1
        elif isinstance(value, list):
            self.is_ever_empty = self.is_ever_empty or not value
        else:
            template = without_ids(value) if isinstance(value, str) else value
            if self.plain == 0:
                self.value, self.template = value, template
            self.value = self.value if _same(self.value, value) else _VARIES
            self.template = self.template if _same(self.template, template) else _VARIES
            self.plain += 1

    def settle(self) -> None:
        """Leave out what is no rule: members that are not always there, and what may be a time."""
        self.members = {name: n for name, n in self.members.items() if n == self.objects}
        if _may_be_a_time(self.value) or (isinstance(self.value, str) and len(self.value) > _LONGEST_TEXT):
            self.value = self.template = _VARIES

    @property
    def is_constant(self) -> bool:
        return self.template is not _VARIES

    def should_be(self, value: Any) -> str | None:
        """What a plain value ought to be; None where it is that, or nothing is known."""
        if self.value is not _VARIES:
            return None if _same(self.value, value) else as_words(self.value)
        if self.template is _VARIES or (isinstance(value, str) and without_ids(value) == self.template):
            return None
        return as_words(self.template)


class Learnt:
    """What the answers to one kind of request were like, as far as they tell; bounded in time and size."""

    def __init__(self) -> None:
        self.answers = 0
        self._places: dict[str, _Place] = {}

    def add(self, answer: Answer) -> None:
        """Learn from a healthy answer."""
        if self.answers >= MOST_ANSWERS:
            return
        self.answers += 1
        for where, value in islice(_places(_document(answer)), _MOST_VALUES):
            if where in self._places or len(self._places) < _MOST_PLACES:
                self._places.setdefault(where, _Place()).add(value)

    def settle(self) -> None:
        """No more answers are to come: take what they had in common for what all of them have."""
        for place in self._places.values():
            place.settle()

    @property
    def is_enough(self) -> bool:
        return self.answers >= ENOUGH

    @property
    def exceptions(self) -> float:
        """The share of answers that may be otherwise though none was seen to be, at 95 %.

        Source: Hanley & Lippman-Hand (1983), If nothing goes wrong, is everything all right?, JAMA 249, 1743-1745.
        """
        return min(1.0, 3 / self.answers) if self.answers else 1.0

    @property
    def constants(self) -> int:
        """How many values never differed."""
        return sum(place.is_constant for place in self._places.values())

    def broken(self, answer: Answer) -> tuple[str, ...]:
        """What of it does not hold of an answer, in words; at most three."""
        if not self.is_enough:
            return ()
        return tuple(islice(dict.fromkeys(self._broken(answer)), _MOST_TOLD))

    def _broken(self, answer: Answer) -> Iterator[str]:
        for where, value in islice(_places(_document(answer)), _MOST_VALUES):
            place = self._places.get(where)
            if place is None:
                continue
            if _type(value) not in place.types:
                yield f"{where or '$'} is {' or '.join(sorted(place.types))}"
            elif isinstance(value, dict):
                yield from (f"{_member(where, name)} exists" for name in place.members if name not in value)
            elif isinstance(value, list):
                if not value and not place.is_ever_empty:
                    yield f"{where} is not empty"
            elif (wanted := place.should_be(value)) is not None:
                yield f"{where} = {wanted}"


def _document(answer: Answer) -> dict[str, Any]:
    """What is learnt of an answer: `$` is its body where that is JSON."""
    told: dict[str, Any] = {"status": f"{answer.status // 100}xx"}
    for name in ("content-type", "location"):
        if name in answer.headers:
            told[name] = without_ids(answer.headers[name].partition(";")[0].strip())
    if answer.json is not NO_JSON:
        return {**told, "$": answer.json}
    if title := _TITLE.search(answer.text):
        return {**told, "title": " ".join(title[1].split())}
    return {**told, "text": answer.text} if answer.is_whole and len(answer.body) <= _LONGEST_TEXT else told


def _places(value: Any, where: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Each value within a document, from the outside in, and where it is; all entries of a list are at one place."""
    yield where, value
    if depth >= _DEEPEST:
        return
    if isinstance(value, dict):
        for name, each in islice(value.items(), _MOST_MEMBERS):
            yield from _places(each, _member(where, name), depth + 1)
    elif isinstance(value, list):
        for each in value[:_MOST_ENTRIES]:
            yield from _places(each, f"{where}[*]", depth + 1)


def _member(where: str, name: str) -> str:
    if not where:
        return name
    return f"{where}.{name}" if _NAME.fullmatch(name) else f"{where}[{as_words(name)!r}]"


def _type(value: Any) -> str:
    return _TYPES.get(type(value), "null")


def _same(one: Any, other: Any) -> bool:
    return one is not _VARIES and same(one, other)


def _may_be_a_time(value: Any) -> bool:
    if isinstance(value, str):
        return _MOMENT.search(value) is not None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return any(_SINCE_1970[0] <= abs(value) / finer <= _SINCE_1970[1] for finer in (1, 1e3, 1e6, 1e9))
