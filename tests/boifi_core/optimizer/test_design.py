import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_spaces import spaces

from boifi_core.optimizer.design import DESIGNS, latin_hypercube
from boifi_core.space import SearchSpace

FAULT = {"name": "fault_type", "type": "categorical", "values": ["abort", "error_injection", "none"]}


@pytest.mark.parametrize("name", DESIGNS)
@settings(max_examples=30, deadline=None)
@given(space=spaces(), n=st.integers(1, 12), seed=st.integers(0, 1000))
def test_every_design_gives_valid_points_and_the_same_again(name, space, n, seed):
    rows = DESIGNS[name](space, np.random.default_rng(seed), n)
    assert len(rows) == n
    for point in space.points(rows):
        space.check(point)
    assert np.array_equal(DESIGNS[name](space, np.random.default_rng(seed), n), rows, equal_nan=True)


def test_a_latin_hypercube_has_one_row_in_each_part_of_each_number():
    numbers = [{"name": f"x{i}", "type": "real", "min": 0, "max": 1} for i in range(6)]
    space = SearchSpace.parse([FAULT, *numbers])
    rows = latin_hypercube(space, np.random.default_rng(0), 12)
    for column in range(1, 7):
        assert sorted(np.floor(rows[:, column] * 12)) == list(range(12))
    assert [list(rows[:, 0]).count(code) for code in range(3)] == [4, 4, 4]


def test_every_category_is_covered_even_of_a_conditional_dimension():
    condition = {"field": "fault_type", "operator": "equals", "value": "abort"}
    codes = {"name": "abort_status_code", "type": "categorical", "values": [429, 500, 503], "condition": condition}
    space = SearchSpace.parse([FAULT, codes])
    for seed in range(10):
        rows = latin_hypercube(space, np.random.default_rng(seed), 10)
        assert {point.get("abort_status_code") for point in space.points(rows)} == {429, 500, 503, None}


def test_defaults_come_first():
    space = SearchSpace.parse(
        [
            {**FAULT, "default": "error_injection"},
            {"name": "x", "type": "integer", "min": 1, "max": 99, "default": 42},
            {"name": "y", "type": "real", "min": 0, "max": 1},
        ]
    )
    for seed in range(5):
        point = space.points(latin_hypercube(space, np.random.default_rng(seed), 4))[0]
        assert (point["fault_type"], point["x"]) == ("error_injection", 42)


def test_defaults_that_break_a_constraint_are_left_aside():
    dimensions = [{**FAULT, "default": "abort"}, {"name": "x", "type": "integer", "min": 1, "max": 9, "default": 9}]
    constraint = {
        "if": {"field": "fault_type", "operator": "equals", "value": "abort"},
        "then": {"field": "x", "operator": "less_than", "value": 5},
    }
    space = SearchSpace.parse({"dimensions": dimensions, "constraints": [constraint]})
    for point in space.points(latin_hypercube(space, np.random.default_rng(0), 6)):
        space.check(point)


def test_faults_begin_strong():
    percentage = {"name": "percentage", "type": "integer", "min": 0, "max": 100}
    space = SearchSpace.parse([FAULT, percentage, {"name": "x", "type": "integer", "min": 0, "max": 100}])
    rows = latin_hypercube(space, np.random.default_rng(0), 10)
    assert rows[:, 1].min() >= 70
    assert rows[:, 2].min() < 15
    # They cover the upper part as evenly as they would the whole.
    assert len(set(np.floor((rows[:, 1] - 70) / 3.01))) >= 9
