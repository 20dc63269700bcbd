"""Random search spaces for property tests, and a brute-force reading of what is a valid point."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.space import SearchSpace

FAULT_TYPE = {"name": "fault_type", "type": "categorical", "values": ["abort", "none", "error_injection"]}

_SCALARS = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from(["a", "b", "1", "true", 2.5]), st.none())


@st.composite
def _dimension(draw: st.DrawFn, name: str, finite: bool) -> dict[str, Any]:
    kind = draw(st.sampled_from(["categorical", "integer"] if finite else ["categorical", "integer", "real"]))
    if kind == "categorical":
        values = draw(st.lists(_SCALARS, min_size=1, max_size=4, unique_by=lambda value: (type(value).__name__, value)))
        return {"name": name, "type": kind, "values": values}
    low = draw(st.integers(-5, 10))
    data: dict[str, Any] = {"name": name, "type": kind, "min": low, "max": low + draw(st.integers(1, 6))}
    if low > 0:
        data["log_scale"] = draw(st.booleans())
    return data


def _possible(dimension: dict[str, Any]) -> st.SearchStrategy[Any]:
    if dimension["type"] == "categorical":
        return st.sampled_from(dimension["values"])
    return st.integers(dimension["min"], dimension["max"])


@st.composite
def _condition(draw: st.DrawFn, dimension: dict[str, Any]) -> dict[str, Any]:
    operators = ["equals", "not_equals", "in"]
    if dimension["type"] != "categorical":
        operators += ["greater_than", "less_than"]
    operator = draw(st.sampled_from(operators))
    value: Any = draw(_possible(dimension))
    if operator == "in":
        value = [value, draw(_possible(dimension))]
    return {"field": dimension["name"], "operator": operator, "value": value}


@st.composite
def configs(draw: st.DrawFn, *, finite: bool = False, max_dimensions: int = 6) -> dict[str, Any]:
    """Search spaces as a user would write them; some of their constraints contradict each other."""
    dimensions: list[dict[str, Any]] = [dict(FAULT_TYPE)]
    for number in range(draw(st.integers(0, max_dimensions - 1))):
        dimension = draw(_dimension(f"d{number}", finite))
        if draw(st.booleans()):
            dimension["condition"] = draw(_condition(draw(st.sampled_from(dimensions))))
        dimensions.append(dimension)
    clause = st.sampled_from(dimensions).flatmap(_condition)
    constraints = draw(st.lists(st.fixed_dictionaries({"if": clause, "then": clause}), max_size=3))
    return {"dimensions": draw(st.permutations(dimensions)), "constraints": constraints}


@st.composite
def spaces(draw: st.DrawFn, *, finite: bool = False, max_dimensions: int = 6) -> SearchSpace:
    """Valid search spaces with conditions, constraints and awkward categories."""
    config = draw(configs(finite=finite, max_dimensions=max_dimensions))
    try:
        return SearchSpace.parse(config)
    except InvalidInput:
        # A bound that excludes everything, or constraints that do: the same without what can contradict.
        plain = [{key: dim[key] for key in dim if key != "condition"} for dim in config["dimensions"]]
        return SearchSpace.parse({"dimensions": plain})
