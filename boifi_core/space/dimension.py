"""One dimension of a search space, and how it is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from boifi_core.errors import InvalidInput, listed
from boifi_core.space.condition import Condition, identity, is_number, is_scalar, read_condition, refuse_unknown_keys
from boifi_core.space.limits import LONGEST_NAME, MOST_VALUES, check_count, check_text

DimensionType = Literal["categorical", "integer", "real"]
TYPES: tuple[DimensionType, ...] = ("categorical", "integer", "real")

_COMMON = ("name", "type", "default", "description", "condition")
_KNOWN = (*_COMMON[:2], "values", "categories", "min", "max", "bounds", "step", "log_scale", *_COMMON[2:])
_LARGEST_INTEGER = 2**53
CLOSE = 1e-6
"""How far off a step a number may be, in steps: what is added up of fractions is not exact."""


@dataclass(frozen=True)
class Dimension:
    """One thing that is searched.

    Attributes:
        name: as in points.
        type: what it takes.
        values: the categories in the user's order; empty for numbers.
        low, high: the bounds, both inside; None for categories.
        step: how far numbers are apart, from `low` on; None where all in between can be taken.
        log_scale: equal ratios count as equal steps.
        default: where the initial design begins; None when not given.
        description: for people.
        condition: it exists only where this holds; None means everywhere.
    """

    name: str
    type: DimensionType
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log_scale: bool = False
    default: Any = None
    description: str = ""
    condition: Condition | None = None

    def contains(self, value: Any) -> bool:
        """Whether `value` is one that this dimension can take."""
        if self.type == "categorical":
            return is_scalar(value) and identity(value) in self._among
        if self.low is None or self.high is None or not is_number(value):
            return False
        if self.step is not None:
            steps = (value - self.low) / self.step
            return bool(self.low <= value <= self.high and abs(steps - round(steps)) <= CLOSE)
        return self.low <= value <= self.high and (self.type == "real" or value == int(value))

    def can_satisfy(self, condition: Condition) -> bool:
        """Whether any value of this dimension fulfils `condition`."""
        if self.low is None or self.high is None:
            if condition.operator == "in":
                return any(self.contains(value) for value in condition.value)
            return any(condition.allows(value) for value in self.values)
        match condition.operator:
            case "equals":
                return self.contains(condition.value)
            case "in":
                return any(self.contains(value) for value in condition.value)
            case "greater_than":
                return bool(self.high > condition.value)
            case "less_than":
                return bool(self.low < condition.value)
        return True

    @cached_property
    def _among(self) -> frozenset[tuple[bool, Any]]:
        return frozenset(map(identity, self.values))

    @property
    def extremes(self) -> tuple[Any, ...]:
        """All categories, or the two bounds."""
        return self.values if self.type == "categorical" else (self.low, self.high)

    @property
    def domain(self) -> str:
        """What it takes, in words: `[delay, abort]` or `100..8000`."""
        if self.type == "categorical":
            return f"[{listed(self.values)}]"
        return f"{self.low}..{self.high}" if self.step is None else f"{self.low}..{self.high} in steps of {self.step}"

    def dump(self) -> dict[str, Any]:
        """The JSON form that `read_dimension` reads back."""
        data: dict[str, Any] = {"name": self.name, "type": self.type}
        if self.type == "categorical":
            data["values"] = list(self.values)
        else:
            data |= {"min": self.low, "max": self.high}
        if self.step is not None:
            data["step"] = self.step
        if self.log_scale:
            data["log_scale"] = True
        if self.default is not None:
            data["default"] = self.default
        if self.description:
            data["description"] = self.description
        if self.condition is not None:
            data["condition"] = self.condition.dump()
        return data


_MOST_STEPS = 1_000_000


def decimals(number: float) -> int:
    """How many digits a number has after its point, as it is written."""
    return max(0, -int(Decimal(repr(number)).normalize().as_tuple().exponent))


def read_dimension(data: Any, field: str) -> Dimension:
    """A `Dimension` from what the user wrote at `field`.

    Raises:
        InvalidInput: what cannot work, named.
    """
    if not isinstance(data, Mapping):
        raise InvalidInput(field, "must be a mapping with name and type", data)
    refuse_unknown_keys(data, _KNOWN, field)
    name, kind = _name(data, field), data.get("type")
    if kind not in TYPES:
        raise InvalidInput(f"{field}.type", f"must be one of {', '.join(TYPES)}", kind)
    description = data.get("description")
    if not isinstance(description, str | None):
        raise InvalidInput(f"{field}.description", "must be text", description)
    check_text(description, f"{field}.description")
    condition = data.get("condition")
    common: dict[str, Any] = {
        "name": name,
        "type": kind,
        "description": description or "",
        "condition": None if condition is None else read_condition(condition, f"{field}.condition"),
    }
    dimension = _categorical(data, field, common) if kind == "categorical" else _numeric(data, field, common)
    return _with_default(dimension, data, field)


def _name(data: Mapping[str, Any], field: str) -> str:
    name = data.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput(f"{field}.name", "must be a text that is not empty", name)
    check_text(name, f"{field}.name", LONGEST_NAME)
    return checked_name(name, f"{field}.name")


def checked_name(name: str, field: str) -> str:
    """`name`, if nothing is empty on either side of its first dot."""
    if not all(name.split(".", 1)):
        raise InvalidInput(field, "must be a field, or a prefix and a field with a dot between them", name)
    return name


def _categorical(data: Mapping[str, Any], field: str, common: dict[str, Any]) -> Dimension:
    for key in ("min", "max", "bounds", "step", "log_scale"):
        if data.get(key) not in (None, False):
            raise InvalidInput(f"{field}.{key}", "belongs to integer and real dimensions, not to a categorical one")
    if "values" in data and "categories" in data:
        raise InvalidInput(f"{field}.categories", "is the other name of values; give one of them")
    key = "categories" if "categories" in data else "values"
    values = data.get(key)
    if not isinstance(values, (list, tuple)) or not values:
        raise InvalidInput(f"{field}.{key}", "must be a list of at least one category", values)
    check_count(values, MOST_VALUES, f"{field}.{key}")
    earlier = set()
    for index, value in enumerate(values):
        if not is_scalar(value):
            raise InvalidInput(f"{field}.{key}[{index}]", "must be text, a finite number, a boolean or null", value)
        check_text(value, f"{field}.{key}[{index}]")
        if identity(value) in earlier:
            raise InvalidInput(f"{field}.{key}[{index}]", "must not be there twice", value)
        earlier.add(identity(value))
    return Dimension(**common, values=tuple(values))


def _numeric(data: Mapping[str, Any], field: str, common: dict[str, Any]) -> Dimension:
    for key in ("values", "categories"):
        if data.get(key) is not None:
            raise InvalidInput(f"{field}.{key}", f"belongs to categorical dimensions, this one is {common['type']}")
    (low_field, low), (high_field, high) = _bounds(data, field)
    low, high = (_bound(low, low_field, common["type"]), _bound(high, high_field, common["type"]))
    if low >= high:
        raise InvalidInput(low_field, f"must be below max, which is {high}", low)
    if not math.isfinite(high - low):
        raise InvalidInput(high_field, "must not be so far above min that the range overflows", high)
    log_scale = data.get("log_scale") or False
    if not isinstance(log_scale, bool):
        raise InvalidInput(f"{field}.log_scale", "must be true or false", log_scale)
    if log_scale and low <= 0:
        raise InvalidInput(low_field, "must be above 0 with log_scale", low)
    step = None if data.get("step") is None else _bound(data["step"], f"{field}.step", common["type"])
    if step is not None and not 0 < step <= (high - low) * (1 + CLOSE):
        rule = f"must be above 0, and at most what lies between min and max, {high - low:g}"
        raise InvalidInput(f"{field}.step", rule, data["step"])
    if step is not None and (high - low) / step > _MOST_STEPS:
        raise InvalidInput(f"{field}.step", f"must be at least a {_MOST_STEPS:,}th of the range", data["step"])
    if step is not None:
        # The last that can be taken is the highest.
        high = round(low + math.floor((high - low) / step + CLOSE) * step, max(map(decimals, (low, step))))
    return Dimension(**common, low=low, high=high, step=step, log_scale=log_scale)


def _bounds(data: Mapping[str, Any], field: str) -> tuple[tuple[str, Any], tuple[str, Any]]:
    if "bounds" not in data:
        for key in ("min", "max"):
            if key not in data:
                raise InvalidInput(f"{field}.{key}", f"is required for a dimension of type {data['type']}")
        return (f"{field}.min", data["min"]), (f"{field}.max", data["max"])
    for key in ("min", "max"):
        if key in data:
            raise InvalidInput(f"{field}.{key}", "is in bounds already; give one of them")
    bounds = data["bounds"]
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2:
        raise InvalidInput(f"{field}.bounds", "must be a list of two numbers, lowest and highest", bounds)
    return (f"{field}.bounds[0]", bounds[0]), (f"{field}.bounds[1]", bounds[1])


def _bound(value: Any, field: str, kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(field, "must be a number", value)
    try:
        number = float(value)
    except OverflowError:  # an integer beyond what a float holds
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInput(field, "must be finite", value)
    if kind == "real":
        return number
    if value != int(value):
        raise InvalidInput(field, "must be a whole number for an integer dimension", value)
    if abs(value) > _LARGEST_INTEGER:
        raise InvalidInput(field, f"must be within {_LARGEST_INTEGER} of zero", value)
    return int(value)


def _with_default(dimension: Dimension, data: Mapping[str, Any], field: str) -> Dimension:
    default = data.get("default")
    if default is None:
        return dimension
    if not dimension.contains(default):
        raise InvalidInput(f"{field}.default", f"must be within {dimension.domain}", default)
    if dimension.type != "categorical":
        default = int(default) if dimension.type == "integer" else float(default)
    return replace(dimension, default=default)
