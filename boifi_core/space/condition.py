"""One statement about one field: `{field, operator, value}`, or about two: `{field, operator, other}`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from boifi_core.errors import InvalidInput, listed
from boifi_core.space.limits import LONGEST_NAME, LONGEST_TEXT, MOST_VALUES, check_text
from boifi_core.value import Value, complaint

Operator = Literal["equals", "not_equals", "in", "greater_than", "less_than", "exists"]
OPERATORS: tuple[str, ...] = get_args(Operator)

Scalar = str | int | float | bool | None


class Condition(Value):
    """A statement about one field.

    `in` takes a list; `greater_than` and `less_than` take a number, which is itself outside; `exists` takes nothing.
    With `other`, the value is what that field has.
    """

    field: str = Field(max_length=LONGEST_NAME)
    operator: Operator
    value: Any = None
    other: str | None = Field(default=None, max_length=LONGEST_NAME)

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> Self:
        is_given = {"other"} if self.other is not None else set()
        if self.value is not None or ("value" in self.model_fields_set and self.operator != "exists" and not is_given):
            is_given.add("value")
        if self.operator != "exists" and not is_given:
            raise complaint("is required", self.value, "value")
        problem = _misplaced(self.operator, is_given) or _misfit(self.operator, self.value, self.other)
        if problem:
            raise ValueError(problem)
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it is about."""
        return (self.field,) if self.other is None else (self.field, self.other)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the statement is true of `values`; of a field that is absent nothing is true."""
        if not all(field in values for field in self.fields):
            return False
        if self.other is not None:
            return _TESTS[self.operator](values[self.field], values[self.other])
        return self.allows(values[self.field])

    def allows(self, actual: Any) -> bool:
        """Whether the statement, without `other`, is true when its field has the value `actual`."""
        if self.operator == "in":
            return is_scalar(actual) and identity(actual) in self._among
        return _TESTS[self.operator](actual, self.value)

    @cached_property
    def _among(self) -> frozenset[tuple[bool, Any]]:
        return frozenset(map(identity, self.value))

    def dump(self) -> dict[str, Any]:
        """The JSON form that `read_condition` reads back."""
        about = {"field": self.field, "operator": self.operator}
        if self.other is not None:
            return {**about, "other": self.other}
        if self.operator == "exists":
            return about
        value = list(self.value) if self.operator == "in" else self.value
        return {**about, "value": value}

    def __str__(self) -> str:
        """One line for people."""
        words = [self.field, self.operator.replace("_", " ")]
        if self.operator != "exists":
            value = f"[{listed(self.value)}]" if self.operator == "in" else str(self.value)
            words.append(value if self.other is None else self.other)
        return " ".join(words)


def same(one: Any, other: Any) -> bool:
    """Equality that tells True from 1, and 1.0 not from 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def identity(value: Any) -> tuple[bool, Any]:
    """Equal for scalars that are the `same`, and hashable: for finding one among many."""
    return isinstance(value, bool), value


def is_number(value: Any) -> bool:
    """A finite int or float; booleans are none."""
    largest = sys.float_info.max  # beyond which there are whole numbers too
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -largest <= value <= largest


def is_scalar(value: Any) -> bool:
    """A value that can be a category: text, a finite number, a boolean, or null."""
    return value is None or isinstance(value, (str, bool)) or is_number(value)


def read_condition(data: Any, field: str) -> Condition:
    """A `Condition` from what the user wrote at `field`.

    Raises:
        InvalidInput: a key is unknown or missing, or the value does not fit the operator.
    """
    if isinstance(data, Condition):
        return data
    if not isinstance(data, Mapping):
        raise InvalidInput(field, "must be a mapping of field, operator and value", data)
    refuse_unknown_keys(data, ("field", "operator", "value", "other"), field)
    operator: Any = data.get("operator")
    _check_keys(data, operator, field)
    if problem := _misplaced(operator, data.keys()):
        raise InvalidInput(field, problem)
    if problem := _misfit(operator, data.get("value"), data.get("other")):
        raise InvalidInput(f"{field}.value", problem, data["value"])
    given = {key: data[key] for key in ("value", "other") if key in data}
    if operator == "in":
        given["value"] = tuple(given["value"])
    return Condition(field=data["field"], operator=operator, **given)


def _check_keys(data: Mapping[str, Any], operator: Any, field: str) -> None:
    needed = ["field", "operator", *(["value"] if operator != "exists" and "other" not in data else [])]
    for key in needed:
        if key not in data:
            raise InvalidInput(f"{field}.{key}", "is required")
    for key in ("field", "other"):
        if key in data and not isinstance(data[key], str):
            raise InvalidInput(f"{field}.{key}", "must be the name of a field", data[key])
        check_text(data.get(key), f"{field}.{key}", LONGEST_NAME)
    if operator not in OPERATORS:
        raise InvalidInput(f"{field}.operator", f"must be one of {', '.join(OPERATORS)}", operator)


def refuse_unknown_keys(data: Mapping[Any, Any], known: tuple[str, ...], field: str) -> None:
    """Raise `InvalidInput` for the first key of `data` that is not in `known`."""
    for key in data:
        if key not in known:
            raise InvalidInput(f"{field}.{key}", f"is not known here; known are {', '.join(known)}")


def _misplaced(operator: str, given: Collection[str]) -> str | None:
    """The rule that its keys break: which of `value` and `other` stands with which operator."""
    if "value" in given and "other" in given:
        return "must have value or other, not both"
    if operator == "exists" and ("value" in given or "other" in given):
        return "must have neither value nor other with the operator exists"
    return (
        "must have a list as value with the operator in, not other" if operator == "in" and "other" in given else None
    )


def _misfit(operator: str, value: Any, other: str | None) -> str | None:
    if other is not None or operator == "exists":
        return None
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"must have at most {LONGEST_TEXT} characters"
    if operator == "in":
        if isinstance(value, (list, tuple)) and len(value) > MOST_VALUES:
            return f"must be a list of at most {MOST_VALUES} values"
        if not isinstance(value, (list, tuple)) or not value or not all(map(is_scalar, value)):
            return "must be a list of at least one text, number or boolean for the operator in"
    elif operator in ("greater_than", "less_than"):
        if not is_number(value):
            return f"must be a finite number for the operator {operator}"
    elif not is_scalar(value):
        return f"must be text, a finite number or a boolean for the operator {operator}"
    return None


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": same,
    "not_equals": lambda actual, value: not same(actual, value),
    "greater_than": lambda actual, value: is_number(actual) and is_number(value) and actual > value,
    "less_than": lambda actual, value: is_number(actual) and is_number(value) and actual < value,
    "exists": lambda _actual, _value: True,
}
