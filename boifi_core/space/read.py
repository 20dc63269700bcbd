"""What the user wrote as a search space, read and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from boifi_core.errors import InvalidInput, listed
from boifi_core.space.condition import Condition, is_number, is_scalar, refuse_unknown_keys
from boifi_core.space.constraint import Constraint, read_constraint
from boifi_core.space.dimension import Dimension, checked_name, read_dimension
from boifi_core.space.limits import (
    LONGEST_FIXED,
    LONGEST_NAME,
    MOST_CONSTRAINTS,
    MOST_DIMENSIONS,
    MOST_FAULTS,
    MOST_FIXED,
    MOST_STATEMENTS,
    MOST_VALUES_IN_ALL,
    check_count,
    check_text,
)
from boifi_core.space.plans import Group, check_value, groups

_LISTS = ("dimensions", "search_space")


def read_space(
    data: Any, field: str
) -> tuple[tuple[Dimension, ...], tuple[Constraint, ...], dict[str, Any], tuple[Group, ...], int | None]:
    """Dimensions, constraints, fixed fields, faults and `at_most` from any of the three shapes of a search space.

    A condition on a fixed field is decided here: its dimension then always exists, or is left out.

    Raises:
        InvalidInput: what cannot work, named.
    """
    entries, entries_field, rest = _shape(data, field)
    check_count(entries, MOST_DIMENSIONS, entries_field, "dimensions")
    dimensions = [read_dimension(entry, f"{entries_field}[{i}]") for i, entry in enumerate(entries)]
    if not dimensions:
        raise InvalidInput(entries_field, "must have at least one dimension", entries)
    where: dict[str, str] = {}
    for index, dimension in enumerate(dimensions):
        if dimension.name in where:
            raise InvalidInput(f"{entries_field}[{index}].name", "must not be there twice", dimension.name)
        where[dimension.name] = f"{entries_field}[{index}]"
    if (n_values := sum(len(dimension.values) for dimension in dimensions)) > MOST_VALUES_IN_ALL:
        raise InvalidInput(entries_field, f"must have at most {MOST_VALUES_IN_ALL} values in all", n_values)
    fixed = _fixed(rest.get("fixed"), f"{field}.fixed", where)
    constraints = _constraints(rest.get("constraints"), f"{field}.constraints", dimensions, fixed)
    _check_conditions(dimensions, fixed, where)
    kept = _decide(dimensions, fixed)
    if not kept:
        raise InvalidInput(entries_field, "must leave at least one dimension: with these fixed fields none exists")
    gone = where.keys() - {dimension.name for dimension in kept}
    left = (constraint.without(gone) for constraint in constraints)
    faults = groups([*(dimension.name for dimension in kept), *fixed], field)
    written = dict(zip(where, entries, strict=True))
    sources = {source.name: source for fault in faults for source in fault.sources}
    for name, source in sources.items():
        if name in fixed:
            check_value(source, fixed[name], f"{field}.fixed.{name}")
    for dimension in kept:
        source = sources[dimension.name]
        for index, value in enumerate(dimension.extremes):
            check_value(source, value, f"{where[dimension.name]}.{_key(dimension, written[dimension.name], index)}")
    at_most = _at_most(rest.get("at_most"), f"{field}.at_most")
    return tuple(kept), tuple(constraint for constraint in left if constraint is not None), fixed, faults, at_most


def _at_most(data: Any, field: str) -> int | None:
    if data is not None and (isinstance(data, bool) or not isinstance(data, int) or not 0 < data <= MOST_FAULTS):
        raise InvalidInput(field, f"must be a whole number, 1 to {MOST_FAULTS}", data)
    return data


def _shape(data: Any, field: str) -> tuple[Sequence[Any], str, Mapping[str, Any]]:
    """The list of dimensions, where it stands, and what stands beside it."""
    if isinstance(data, (list, tuple)):
        return data, field, {}
    if not isinstance(data, Mapping):
        raise InvalidInput(field, "must be a list of dimensions, or a mapping with dimensions", data)
    key = next((key for key in _LISTS if key in data), None)
    if key == "search_space" and isinstance(data[key], Mapping):
        refuse_unknown_keys(data, ("search_space",), field)
        return _shape(data[key], f"{field}.search_space")
    refuse_unknown_keys(data, (key or "dimensions", "constraints", "fixed", "at_most"), field)
    if key is None:
        raise InvalidInput(f"{field}.dimensions", "is required: at least one dimension")
    if not isinstance(data[key], (list, tuple)):
        raise InvalidInput(f"{field}.{key}", "must be a list of dimensions", data[key])
    return data[key], f"{field}.{key}", data


def _fixed(data: Any, field: str, where: Mapping[str, str]) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise InvalidInput(field, "must be a mapping of fields that are not searched", data)
    check_count(data, MOST_FIXED, field)
    for name, value in data.items():
        if not isinstance(name, str) or not name:
            raise InvalidInput(field, "must have names that are text", name)
        check_text(name, field, LONGEST_NAME)
        checked_name(name, f"{field}.{name}")
        if name in where:
            raise InvalidInput(f"{field}.{name}", f"is a dimension too ({where[name]}); a field is searched or fixed")
        try:
            check_text(json.dumps(value, allow_nan=False), f"{field}.{name}", LONGEST_FIXED)
        except InvalidInput:
            raise
        except (TypeError, ValueError, RecursionError):
            raise InvalidInput(f"{field}.{name}", "must be a value that JSON can hold", value) from None
    return dict(data)


def _constraints(data: Any, field: str, dimensions: Iterable[Dimension], fixed: Mapping[str, Any]) -> list[Constraint]:
    if data is None:
        return []
    if not isinstance(data, (list, tuple)):
        raise InvalidInput(field, "must be a list of constraints", data)
    check_count(data, MOST_CONSTRAINTS, field, "constraints")
    by_name = {dimension.name: dimension for dimension in dimensions}
    constraints = [read_constraint(entry, f"{field}[{i}]") for i, entry in enumerate(data)]
    statements = [condition for constraint in constraints for condition in (*constraint.when, *constraint.then)]
    check_count(statements, MOST_STATEMENTS, field, "statements")
    n_values = sum(len(condition.value) for condition in statements if condition.operator == "in")
    if n_values > MOST_VALUES_IN_ALL:
        raise InvalidInput(field, f"must name at most {MOST_VALUES_IN_ALL} values in all", n_values)
    for i, constraint in enumerate(constraints):
        for condition in (*constraint.when, *constraint.then):
            _check_condition(condition, f"{field}[{i}]", by_name, fixed)
    return constraints


def _check_conditions(dimensions: Sequence[Dimension], fixed: Mapping[str, Any], where: Mapping[str, str]) -> None:
    by_name = {dimension.name: dimension for dimension in dimensions}
    for dimension in dimensions:
        if dimension.condition is not None:
            if dimension.condition.other is not None:
                rule = "must not be there: fields are compared with each other in constraints"
                raise InvalidInput(f"{where[dimension.name]}.condition.other", rule, dimension.condition.other)
            _check_condition(dimension.condition, f"{where[dimension.name]}.condition", by_name, fixed)
    sound: set[str] = set()
    for dimension in dimensions:
        path = {dimension.name: None}
        last = dimension.name
        while last not in sound and (condition := by_name[last].condition) is not None and condition.field in by_name:
            last = condition.field
            if last in path:
                names = [*path]
                circle = " -> ".join([*names[names.index(last) :], last])
                raise InvalidInput(f"{where[last]}.condition", f"must not go in a circle: {circle}")
            path[last] = None
        sound |= path.keys()


def _check_condition(
    condition: Condition, field: str, by_name: Mapping[str, Dimension], fixed: Mapping[str, Any]
) -> None:
    name = condition.field
    for key, each in (("field", name), ("other", condition.other)):
        if each is not None and each not in by_name and each not in fixed:
            known = listed([*by_name, *fixed])
            raise InvalidInput(f"{field}.{key}", f"must be a dimension or a fixed field; known are {known}", each)
    if condition.other is not None:
        _check_comparison(condition, field, by_name, fixed)
        return
    if name in fixed:
        return
    dimension = by_name[name]
    for value in _named_values(condition):
        if not dimension.contains(value):
            raise InvalidInput(f"{field}.value", f"must be what {name} takes, {dimension.domain}", value)
    if not dimension.can_satisfy(condition):
        operator = condition.operator.replace("_", " ").replace("equals", "equal to")
        rule = f"{name} is never {operator} this: it takes {dimension.domain}"
        raise InvalidInput(f"{field}.value", rule, condition.value)


def _check_comparison(
    condition: Condition, field: str, by_name: Mapping[str, Dimension], fixed: Mapping[str, Any]
) -> None:
    """Refuse to compare a field with itself, and by size what is no number."""
    if condition.other == condition.field:
        raise InvalidInput(f"{field}.other", "must be another field", condition.other)
    for name in condition.fields:
        values = (fixed[name],) if name in fixed else by_name[name].extremes
        if condition.operator in ("greater_than", "less_than") and not all(map(is_number, values)):
            rule = f"must have a number on either side with the operator {condition.operator}"
            raise InvalidInput(f"{field}.{'field' if name == condition.field else 'other'}", rule, name)
        if not all(map(is_scalar, values)):
            raise InvalidInput(f"{field}.other", "must be a field of text, numbers or booleans", name)


def _named_values(condition: Condition) -> tuple[Any, ...]:
    if condition.operator == "in":
        return tuple(condition.value)
    return (condition.value,) if condition.operator in ("equals", "not_equals") else ()


def _decide(dimensions: Sequence[Dimension], fixed: Mapping[str, Any]) -> list[Dimension]:
    """The dimensions that can exist, without the conditions that fixed fields fulfil."""
    kept = {dimension.name: dimension for dimension in dimensions}
    for dimension in dimensions:
        if dimension.condition is not None and dimension.condition.field in fixed:
            if dimension.condition.holds(fixed):
                kept[dimension.name] = replace(dimension, condition=None)
            else:
                del kept[dimension.name]
    while orphans := [d.name for d in kept.values() if d.condition is not None and d.condition.field not in kept]:
        for name in orphans:
            del kept[name]
    return list(kept.values())


def _key(dimension: Dimension, entry: Mapping[str, Any], index: int) -> str:
    """How the user named the value: `values[0]`, `max`, `bounds[1]`."""
    if dimension.type == "categorical":
        return f"{'categories' if 'categories' in entry else 'values'}[{index}]"
    return f"bounds[{index}]" if "bounds" in entry else ("min", "max")[index]
