"""One statement about an answer: `{field, operator, value}`, or about two values of it: `{field, operator, other}`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from boifi_core.errors import clipped, listed
from boifi_core.observers.expect.path import LONGEST, check_path
from boifi_core.observers.expect.pattern import check_pattern, found_in
from boifi_core.value import Value, complaint

Operator = Literal["equals", "not_equals", "in", "greater_than", "less_than", "exists", "matches", "not_matches"]

_WORDS = {
    "equals": "=",
    "not_equals": "!=",
    "greater_than": ">",
    "less_than": "<",
    "matches": "matches",
    "not_matches": "does not match",
}

_LONGEST_TEXT = 1_000
_MOST_VALUES = 1_000
_LONGEST_WORDS = 60


def _path(text: str) -> str:
    check_path(text)
    return text


_Path = Annotated[str, AfterValidator(_path)]


class Statement(Value):
    """A statement about one value.

    `in` takes a list; `greater_than` and `less_than` take a number, which is itself outside; `matches` and
    `not_matches` take a regular expression that is looked for anywhere in a text; `exists` takes nothing.
    """

    field: str = Field(min_length=1, max_length=LONGEST)
    operator: Operator
    value: JsonValue = None

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> Self:
        self._check_value()
        return self

    def _check_value(self) -> None:
        is_given = "value" in self.model_fields_set
        if self.operator == "exists":
            if is_given and self.value is not None:
                raise complaint("must not stand beside the operator exists", self.value, "value")
        elif not is_given:
            missing = InitErrorDetails(type="missing", loc=("value",), input=None)
            raise ValidationError.from_exception_data("value", [missing])
        elif problem := _misfit(self.operator, self.value):
            raise complaint(problem, self.value, "value")

    def holds(self, actual: Any) -> bool:
        """Whether it is true of a value that is there."""
        return _TESTS[self.operator](actual, self.value)

    def __str__(self) -> str:
        """For people: `$.total > 0`."""
        if self.operator == "exists":
            return f"{self.field} exists"
        if self.operator == "in":
            among = self.value if isinstance(self.value, list) else [self.value]
            return f"{self.field} in [{listed([as_words(each) for each in among], 5)}]"
        return f"{self.field} {_WORDS[self.operator]} {as_words(self.value)}"


class JsonStatement(Statement):
    """A statement about what is at a path of a JSON answer; with `other`, the value is what is at that path.

    A path with several values speaks of each of them; one that finds nothing makes no statement true.
    """

    field: _Path = Field(min_length=1, max_length=LONGEST)
    other: _Path | None = Field(default=None, max_length=LONGEST, exclude_if=lambda other: other is None)

    def _check_value(self) -> None:
        if self.other is None:
            super()._check_value()
        elif self.value is not None:
            raise complaint("must have value or other, not both", self.other, "other")
        elif self.operator not in _OF_TWO:
            raise complaint(f"must have value, not other, with the operator {self.operator}", self.other, "other")

    def holds_of(self, actual: Any, others: list[Any]) -> bool:
        """Whether it is true of a value and of each one at `other`."""
        if self.other is None:
            return self.holds(actual)
        return bool(others) and all(_TESTS[self.operator](actual, other) for other in others)

    def __str__(self) -> str:
        if self.other is None:
            return super().__str__()
        return f"{self.field} {_WORDS[self.operator]} {self.other}"


class HeaderStatement(Statement):
    """A statement about a header of the answer; the name in any case."""

    operator: Literal["equals", "not_equals", "in", "exists", "matches", "not_matches"]


class TextStatement(Statement):
    """A statement about the whole body as text."""

    field: Literal["text"] = "text"
    operator: Literal["equals", "not_equals", "in", "matches", "not_matches"]


def as_words(value: Any) -> str:
    """A value for people, on one line, and not too long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clipped(" ".join(text.split()) or "empty", _LONGEST_WORDS)


def same(one: Any, other: Any) -> bool:
    """Equality that tells True from 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _misfit(operator: str, value: Any) -> str | None:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"must have at most {_LONGEST_TEXT} characters"
    if operator == "in":
        if not isinstance(value, list) or not 0 < len(value) <= _MOST_VALUES or not all(map(_is_scalar, value)):
            return f"must be a list of 1 to {_MOST_VALUES} texts, numbers, booleans or nulls for the operator in"
    elif operator in ("greater_than", "less_than"):
        if not _is_number(value):
            return f"must be a finite number for the operator {operator}"
    elif operator in ("matches", "not_matches"):
        if not isinstance(value, str):
            return f"must be text for the operator {operator}"
        try:
            check_pattern(value)
        except ValueError as error:
            return str(error)
    elif value is None or not _is_scalar(value):
        return f"must be text, a finite number or a boolean for the operator {operator}; null can be one of a list"
    return None


def _is_number(value: Any) -> bool:
    largest = sys.float_info.max
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -largest <= value <= largest


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool)) or _is_number(value)


def _both_numbers(one: Any, other: Any) -> bool:
    return _is_number(one) and _is_number(other)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": same,
    "not_equals": lambda actual, value: not same(actual, value),
    "in": lambda actual, value: any(same(actual, each) for each in value),
    "greater_than": lambda actual, value: _both_numbers(actual, value) and actual > value,
    "less_than": lambda actual, value: _both_numbers(actual, value) and actual < value,
    "exists": lambda _actual, _value: True,
    "matches": lambda actual, value: isinstance(actual, str) and found_in(actual, value),
    "not_matches": lambda actual, value: isinstance(actual, str) and not found_in(actual, value),
}

_OF_TWO = frozenset({"equals", "not_equals", "greater_than", "less_than"})
