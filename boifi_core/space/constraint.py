"""What must hold between dimensions: `{if: …, then: …}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boifi_core.errors import InvalidInput
from boifi_core.space.condition import Condition, read_condition, refuse_unknown_keys


@dataclass(frozen=True)
class Constraint:
    """Where all of `when` hold, all of `then` must hold too; with no `when`, always.

    A statement of `when` about an absent dimension is false; one of `then` asks nothing of a dimension that is absent.
    """

    when: tuple[Condition, ...]
    then: tuple[Condition, ...]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether `values` (a point and the fixed fields) keep to it."""
        if not all(condition.holds(values) for condition in self.when):
            return True
        there = (condition for condition in self.then if all(field in values for field in condition.fields))
        return all(condition.holds(values) for condition in there)

    def without(self, gone: set[str]) -> Constraint | None:
        """The same where the dimensions in `gone` never exist; None if nothing is left to ask."""
        then = tuple(condition for condition in self.then if not gone.intersection(condition.fields))
        if not then or any(gone.intersection(condition.fields) for condition in self.when):
            return None
        return Constraint(self.when, then)

    def dump(self) -> dict[str, Any]:
        """The JSON form that `read_constraint` reads back."""
        data = {"if": [condition.dump() for condition in self.when]} if self.when else {}
        return data | {"then": [condition.dump() for condition in self.then]}

    def __str__(self) -> str:
        """One line for people."""
        then = " and ".join(map(str, self.then))
        return f"if {' and '.join(map(str, self.when))} then {then}" if self.when else then


def read_constraint(data: Any, field: str) -> Constraint:
    """A `Constraint` from what the user wrote at `field`: `{if, then}`, `{then}`, or one bare statement.

    Raises:
        InvalidInput: a key is unknown or missing, or a statement cannot be read.
    """
    if not isinstance(data, Mapping):
        raise InvalidInput(field, "must be a mapping with if and then", data)
    if "operator" in data:
        return Constraint((), (read_condition(data, field),))
    refuse_unknown_keys(data, ("if", "then"), field)
    if "then" not in data:
        raise InvalidInput(f"{field}.then", "is required")
    when = _clause(data["if"], f"{field}.if") if "if" in data else ()
    then = _clause(data["then"], f"{field}.then")
    if any(condition.operator == "exists" for condition in then):
        rule = "must not ask whether a field exists: of one that does not, nothing is asked"
        raise InvalidInput(f"{field}.then", rule)
    return Constraint(when, then)


def _clause(data: Any, field: str) -> tuple[Condition, ...]:
    """One statement or a list of them that all hold."""
    if not isinstance(data, (list, tuple)):
        return (read_condition(data, field),)
    if not data:
        raise InvalidInput(field, "must have at least one statement")
    return tuple(read_condition(item, f"{field}[{index}]") for index, item in enumerate(data))
