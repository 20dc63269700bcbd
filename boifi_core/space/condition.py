"""One statement about one field: `{field, operator, value}`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from boifi_core.errors import InvalidInput
from boifi_core.space.limits import LONGEST_NAME, LONGEST_TEXT, MOST_VALUES, check_text
from boifi_core.value import Value

Operator = Literal["equals", "not_equals", "in", "greater_than", "less_than"]
OPERATORS: tuple[str, ...] = get_args(Operator)

Scalar = str | int | float | bool | None


class Condition(Value):
    """A statement about one field.

    `in` takes a list; `greater_than` and `less_than` take a number, which is itself outside.
    """

    field: str = Field(max_length=LONGEST_NAME)
    operator: Operator
    value: Any

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> Self:
        if problem := _misfit(self.operator, self.value):
            raise ValueError(problem)
        return self

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the statement is true of `values`; of a field that is absent nothing is true."""
        return self.field in values and self.allows(values[self.field])

    def allows(self, actual: Any) -> bool:
        """Whether the statement is true when its field has the value `actual`."""
        if self.operator == "in":
            return is_scalar(actual) and identity(actual) in self._among
        return _TESTS[self.operator](actual, self.value)

    @cached_property
    def _among(self) -> frozenset[tuple[bool, Any]]:
        return frozenset(map(identity, self.value))

    def dump(self) -> dict[str, Any]:
        """The JSON form that `read_condition` reads back."""
        value = list(self.value) if self.operator == "in" else self.value
        return {"field": self.field, "operator": self.operator, "value": value}


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
    refuse_unknown_keys(data, ("field", "operator", "value"), field)
    for key in ("field", "operator", "value"):
        if key not in data:
            raise InvalidInput(f"{field}.{key}", "is required")
    if not isinstance(data["field"], str):
        raise InvalidInput(f"{field}.field", "must be the name of a field", data["field"])
    check_text(data["field"], f"{field}.field", LONGEST_NAME)
    if data["operator"] not in OPERATORS:
        raise InvalidInput(f"{field}.operator", f"must be one of {', '.join(OPERATORS)}", data["operator"])
    if problem := _misfit(data["operator"], data["value"]):
        raise InvalidInput(f"{field}.value", problem, data["value"])
    value = tuple(data["value"]) if data["operator"] == "in" else data["value"]
    return Condition(field=data["field"], operator=data["operator"], value=value)


def refuse_unknown_keys(data: Mapping[Any, Any], known: tuple[str, ...], field: str) -> None:
    """Raise `InvalidInput` for the first key of `data` that is not in `known`."""
    for key in data:
        if key not in known:
            raise InvalidInput(f"{field}.{key}", f"is not known here; known are {', '.join(known)}")


def _misfit(operator: str, value: Any) -> str | None:
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
    "greater_than": lambda actual, value: is_number(actual) and actual > value,
    "less_than": lambda actual, value: is_number(actual) and actual < value,
}
