import pytest
from pydantic import ValidationError

from boifi_core.errors import InvalidInput
from boifi_core.space.condition import Condition, read_condition, same


@pytest.mark.parametrize(
    ("operator", "value", "true_of", "false_of"),
    [
        ("equals", "delay", ["delay"], ["abort", None, 1]),
        ("equals", 1, [1, 1.0], [True, "1", 2]),
        ("equals", True, [True], [1, "true", False]),
        ("not_equals", 0, [False, 1, "0"], [0, 0.0]),
        ("in", (1, "a"), [1, 1.0, "a"], [True, "b", None]),
        ("greater_than", 3, [3.1, 4], [3, 2, True, "4", None]),
        ("less_than", 3, [2.9, -4], [3, 4, False, "2", None]),
    ],
)
def test_a_condition_tells_values_apart(operator, value, true_of, false_of):
    condition = Condition(field="x", operator=operator, value=value)
    assert [condition.holds({"x": actual}) for actual in true_of] == [True] * len(true_of)
    assert [condition.holds({"x": actual}) for actual in false_of] == [False] * len(false_of)


@pytest.mark.parametrize(("operator", "value"), [("not_equals", 1), ("equals", None), ("less_than", 5), ("in", [None])])
def test_of_an_absent_field_nothing_is_true(operator, value):
    assert not Condition(field="x", operator=operator, value=value).holds({"y": 1})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("delay", "at: must be a mapping"),
        ({"field": "x", "operator": "equals"}, "at.value: is required"),
        ({"operator": "equals", "value": 1}, "at.field: is required"),
        ({"field": "x", "operator": "is", "value": 1}, "at.operator: must be one of equals, not_equals, in"),
        ({"field": "x", "operator": ["equals"], "value": 1}, "at.operator: must be one of"),
        ({"field": 3, "operator": "equals", "value": 1}, "at.field: must be the name of a field, got 3"),
        ({"field": "x", "operator": "in", "value": "delay"}, "at.value: must be a list"),
        ({"field": "x", "operator": "in", "value": []}, "at.value: must be a list"),
        ({"field": "x", "operator": "greater_than", "value": "5"}, "at.value: must be a finite number"),
        ({"field": "x", "operator": "less_than", "value": float("nan")}, "at.value: must be a finite number"),
        ({"field": "x", "operator": "equals", "value": [1]}, "at.value: must be text"),
        (
            {"field": "x", "operator": "equals", "value": 1, "unless": 2},
            "at.unless: is not known here; known are field",
        ),
    ],
)
def test_bad_conditions_are_named(data, message):
    with pytest.raises(InvalidInput) as raised:
        read_condition(data, "at")
    assert str(raised.value).startswith(message)


def test_the_model_itself_refuses_a_value_that_does_not_fit():
    with pytest.raises(ValidationError, match="finite number"):
        Condition(field="x", operator="greater_than", value="much")


@pytest.mark.parametrize("value", [["a", 1], [None]])
def test_dump_reads_back(value):
    condition = read_condition({"field": "x", "operator": "in", "value": value}, "at")
    assert read_condition(condition.dump(), "at") == condition
    assert condition.dump()["value"] == value


def test_same_is_equality_without_booleans_as_numbers():
    assert same(1, 1.0)
    assert not same(1, True)
    assert not same(0, False)


@pytest.mark.parametrize(
    "condition",
    [
        Condition(field="x", operator="equals", value=None),
        Condition(field="x", operator="less_than", value=3),
        Condition(field="x", operator="equals", other="y"),
        Condition(field="x", operator="exists"),
    ],
)
def test_what_a_model_writes_it_reads_back(condition):
    assert Condition.model_validate(condition.model_dump()) == condition
    assert read_condition(condition.dump(), "at") == condition
