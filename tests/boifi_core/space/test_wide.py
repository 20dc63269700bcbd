"""Rules that no single field decides: fields compared with each other, and how many faults there are at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.optimizer import OptimizerCore
from boifi_core.space import SearchSpace


def pair(values=("cart", "stock", "pay"), **more):
    dimensions = [
        each
        for prefix in "ab"
        for each in (
            {"name": f"{prefix}.fault_type", "type": "categorical", "values": ["none", "delay", "abort"]},
            {"name": f"{prefix}.target_service", "type": "categorical", "values": [*values]},
            {"name": f"{prefix}.delay_ms", "type": "integer", "min": 10, "max": 60,
             "condition": {"field": f"{prefix}.fault_type", "operator": "equals", "value": "delay"}},
        )
    ]  # fmt: skip
    return {"dimensions": dimensions, **more}


def drawn(space, n=300, seed=0):
    rng = np.random.default_rng(seed)
    rows = space.sample_rows(rng, n)
    return space.points(np.vstack([rows, space.neighbour_rows(rows, rng)]))


APART = {
    "if": {"field": "a.fault_type", "operator": "exists"},
    "then": {"field": "a.target_service", "operator": "not_equals", "other": "b.target_service"},
}


def test_p8_two_fields_are_compared_with_each_other():
    space = SearchSpace.parse(pair(constraints=[APART]))
    assert SearchSpace.parse(space.dump()) == space
    assert all(point["a.target_service"] != point["b.target_service"] for point in drawn(space))
    same = {"a.fault_type": "abort", "b.fault_type": "none", "a.target_service": "pay", "b.target_service": "pay"}
    with pytest.raises(InvalidInput, match=r"if a\.fault_type exists then a\.target_service not equals b\.target_serv"):
        space.check(same)


def test_p8_numbers_are_compared_where_both_are_there():
    rule = {"then": {"field": "a.delay_ms", "operator": "less_than", "other": "b.delay_ms"}}
    points = drawn(SearchSpace.parse(pair(constraints=[rule])))
    both = [point for point in points if "a.delay_ms" in point and "b.delay_ms" in point]
    assert len(both) > 10
    assert all(point["a.delay_ms"] < point["b.delay_ms"] for point in both)
    assert any("a.delay_ms" not in point for point in points)


OPERATORS = st.sampled_from(["equals", "not_equals", "less_than", "greater_than"])


@settings(max_examples=80, deadline=None)
@given(
    one=st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True),
    low=st.integers(0, 4),
    operator=OPERATORS,
    kind=st.sampled_from(["integer", "categorical"]),
)
def test_p8_what_is_listed_is_what_plain_python_finds(one, low, operator, kind):
    other = {"min": low, "max": low + 2} if kind == "integer" else {"values": [low, low + 1, low + 2]}
    data = {
        "dimensions": [
            {"name": "fault_type", "type": "categorical", "values": ["abort"]},
            {"name": "x", "type": "categorical", "values": one},
            {"name": "y", "type": kind, **other},
        ],
        "constraints": [{"field": "x", "operator": operator, "other": "y"}],
    }
    told = {"equals": int.__eq__, "not_equals": int.__ne__, "less_than": int.__lt__, "greater_than": int.__gt__}
    right = {(x, y) for x in one for y in range(low, low + 3) if told[operator](x, y)}
    if not right:
        with pytest.raises(InvalidInput, match=r"search_space\.constraints: must be easier to satisfy"):
            SearchSpace.parse(data)
        return
    space = SearchSpace.parse(data)
    assert {(point["x"], point["y"]) for point in space.points(np.array([*space.all_rows(1)]))} == right
    assert {(point["x"], point["y"]) for point in drawn(space, 200)} == right


@pytest.mark.parametrize("sides", [("x", "percentage"), ("percentage", "x")])
def test_one_side_may_be_fixed(sides):
    operator = "greater_than" if sides[0] == "x" else "less_than"
    data = {
        "dimensions": [
            {"name": "fault_type", "type": "categorical", "values": ["abort"]},
            {"name": "x", "type": "integer", "min": 1, "max": 100},
        ],
        "fixed": {"percentage": 90},
        "constraints": [{"field": sides[0], "operator": operator, "other": sides[1]}],
    }
    space = SearchSpace.parse(data)
    assert {point["x"] for point in drawn(space)} == set(range(91, 101))
    with pytest.raises(InvalidInput, match="must keep to the constraint"):
        space.check({"fault_type": "abort", "x": 90})


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"other": "nobody"}, "constraints[0].other: must be a dimension or a fixed field; known are a.fault_type"),
        ({"other": "a.target_service"}, "constraints[0].other: must be another field"),
        ({"other": "b.target_service", "value": "x"}, "constraints[0]: must have value or other, not both"),
        ({"operator": "in", "other": "b.target_service"}, "constraints[0]: must have a list as value"),
        ({"operator": "less_than", "other": "b.delay_ms"}, "constraints[0].field: must have a number on either side"),
        ({"operator": "exists", "value": 1}, "constraints[0]: must have neither value nor other"),
        ({"other": 7}, "constraints[0].other: must be the name of a field, got 7"),
        ({}, "constraints[0].value: is required"),
    ],
)
def test_a_comparison_that_cannot_be_is_named(statement, said):
    whole = {"field": "a.target_service", "operator": "equals", **statement}
    with pytest.raises(InvalidInput) as refused:
        SearchSpace.parse(pair(constraints=[whole]))
    assert str(refused.value).startswith(f"search_space.{said}")


def test_what_then_asks_is_no_existence_and_a_dimension_has_its_own_condition():
    with pytest.raises(InvalidInput, match="must not ask whether a field exists"):
        SearchSpace.parse(pair(constraints=[{"then": {"field": "a.delay_ms", "operator": "exists"}}]))
    data = pair()
    data["dimensions"][1]["condition"] = {"field": "a.fault_type", "operator": "equals", "other": "b.fault_type"}
    with pytest.raises(InvalidInput, match=r"dimensions\[1\]\.condition\.other: must not be there"):
        SearchSpace.parse(data)


def many(n, types=("none", "delay", "abort"), **more):
    dimensions = [
        each
        for number in range(n)
        for each in (
            {"name": f"f{number}.fault_type", "type": "categorical", "values": [*types]},
            {"name": f"f{number}.target_service", "type": "categorical", "values": ["a", "b", "c"]},
        )
    ]
    return {"dimensions": dimensions, "fixed": {"delay_ms": 100}, **more}


@pytest.mark.parametrize("most", [1, 3])
def test_b9_no_more_faults_at_once_than_asked_for(most):
    space = SearchSpace.parse(many(20, at_most=most))
    counts = {len(space.plans(point)) for point in drawn(space)}
    assert max(counts) == most
    assert counts >= set(range(1, most + 1))
    core = OptimizerCore(space, random_state=0, initial_points=8)
    for _ in range(12):
        point = core.propose()
        assert len(space.plans(point)) <= most
        core.record(point, float(len(space.plans(point))))
    assert SearchSpace.parse(space.dump()) == space


def test_b9_a_point_of_more_faults_is_none_of_the_space():
    space = SearchSpace.parse(many(2, at_most=1))
    point = {"f0.fault_type": "delay", "f1.fault_type": "abort", "f0.target_service": "a", "f1.target_service": "b"}
    with pytest.raises(InvalidInput, match="must have at most 1 faults at once"):
        space.check(point)
    space.check({**point, "f1.fault_type": "none"})


@pytest.mark.parametrize("most", [2, 7])
def test_b9_as_many_as_there_are_changes_nothing(most):
    plain, limited = SearchSpace.parse(many(2)), SearchSpace.parse(many(2, at_most=most))
    assert plain.sample(np.random.default_rng(3), 50) == limited.sample(np.random.default_rng(3), 50)


@pytest.mark.parametrize(
    ("most", "said"),
    [(0, "1 to 50"), (-1, "1 to 50"), (2.5, "1 to 50"), (True, "1 to 50"), ("2", "1 to 50"),
     (1, "must be at least 3: so many faults have no fault_type none")],
)  # fmt: skip
def test_b9_a_number_that_cannot_be_is_refused(most, said):
    with pytest.raises(InvalidInput, match=r"^search_space\.at_most: ") as refused:
        SearchSpace.parse(many(3, types=("delay", "abort"), at_most=most))
    assert said in str(refused.value)
