import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import FAULT, MIXED
from search_spaces import spaces

from boifi_core.optimizer.percentage import lean, strength
from boifi_core.space import SearchSpace


def test_percentages_move_into_the_upper_part_and_nothing_else_does():
    rows = MIXED.sample_rows(np.random.default_rng(0), 50)
    leaning = lean(MIXED, rows)
    assert leaning[:, 2].min() > 60
    assert leaning[:, 2].max() <= 100
    assert rows[:, 2].min() < 30
    np.testing.assert_array_equal(leaning[:, [0, 1, 3]], rows[:, [0, 1, 3]])
    # Who was stronger stays so.
    assert (np.diff(leaning[rows[:, 2].argsort(), 2]) >= 0).all()


def test_of_several_faults_each_and_of_categories_none():
    space = SearchSpace.parse(
        [
            {**FAULT, "name": "a.fault_type", "values": ["abort", "none"]},
            {"name": "a.percentage", "type": "real", "min": 0, "max": 50},
            {**FAULT, "name": "b.fault_type", "values": ["abort", "none"]},
            {"name": "b.percentage", "type": "categorical", "values": [10, 20, 90]},
        ]
    )
    rows = space.sample_rows(np.random.default_rng(0), 50)
    leaning = lean(space, rows)
    assert leaning[:, 1].min() >= 35 * 0.99
    np.testing.assert_array_equal(leaning[:, 3], rows[:, 3])


def test_constraints_come_first():
    mild = {
        "if": {"field": "fault_type", "operator": "equals", "value": "abort"},
        "then": {"field": "percentage", "operator": "less_than", "value": 30},
    }
    space = SearchSpace.parse(MIXED.dump() | {"constraints": [mild]})
    leaning = lean(space, space.sample_rows(np.random.default_rng(0), 50))
    assert space.valid_rows(leaning).all()
    assert leaning[leaning[:, 0] == 0, 2].min() > 60


@settings(max_examples=50, deadline=None)
@given(space=spaces(), seed=st.integers(0, 99))
def test_rows_stay_valid(space, seed):
    for point in space.points(lean(space, space.sample_rows(np.random.default_rng(seed), 8))):
        space.check(point)


def test_strength_is_the_share_of_the_percentage_s_range():
    column = MIXED.layout.columns[2]
    rows = MIXED.sample_rows(np.random.default_rng(0), 20)
    np.testing.assert_allclose(strength(MIXED, rows), (rows[:, 2] - column.low) / (column.high - column.low))


def test_without_percentages_all_are_as_strong():
    space = SearchSpace.parse([FAULT, {"name": "delay_ms", "type": "integer", "min": 1, "max": 9}])
    assert set(strength(space, space.sample_rows(np.random.default_rng(0), 9))) == {1.0}
