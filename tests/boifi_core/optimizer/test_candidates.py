import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import MIXED, severity
from search_spaces import spaces

from boifi_core.optimizer.candidates import drawn, in_line, search_candidates, untried
from boifi_core.space import SearchSpace
from boifi_core.space.space import row_ids

NONE = np.empty((0, len(MIXED.dimensions)))


def promise(rows):
    return np.array([severity(point) for point in MIXED.points(rows)])


def test_half_of_what_is_drawn_is_strong():
    percentage = drawn(MIXED, np.random.default_rng(0), 400)[:, 2]
    assert percentage[::2].min() > 60
    assert percentage[1::2].min() < 20


def test_what_is_taken_is_left_out():
    rows = MIXED.sample_rows(np.random.default_rng(0), 30)
    left = untried(MIXED, rows, set(row_ids(rows[:12])))
    assert not set(row_ids(left)) & set(row_ids(rows[:12]))
    assert len(untried(MIXED, rows, set())) == 30
    assert len(untried(MIXED, NONE, {b"x"})) == 0


@settings(max_examples=25, deadline=None)
@given(space=spaces(), seed=st.integers(0, 99), n=st.integers(1, 60), n_tried=st.integers(0, 20))
def test_candidates_are_valid_and_untried_each_with_its_promise(space, seed, n, n_tried):
    rng = np.random.default_rng(seed)
    tried = space.sample_rows(rng, n_tried)
    taken = set(row_ids(tried))
    asked = []

    def first_entry(rows):
        asked.append(len(rows))
        return np.nan_to_num(rows[:, 0])

    rows, promises = search_candidates(space, rng, first_entry, tried, taken, n)
    np.testing.assert_array_equal(promises, np.nan_to_num(rows[:, 0]))
    for point in space.points(rows):
        space.check(point)
    assert not taken & set(row_ids(rows))
    assert sum(asked) <= 2 * n + 60


def test_they_gather_where_the_promise_is():
    """The best of as many random points is left behind, in the mean of ten seeds."""
    gain = []
    for seed in range(10):
        _, found = search_candidates(MIXED, np.random.default_rng(seed), promise, NONE, set(), 200)
        gain.append(found.max() - promise(MIXED.sample_rows(np.random.default_rng(seed), 200)).max())
    assert np.mean(gain) > 0.2


def test_neighbours_of_the_worst_faults_are_among_them():
    """One point is known to be bad, and nothing else tells where to look."""
    point = {"fault_type": "delay", "target_path": "/b", "percentage": 37, "delay_ms": 123}
    worst = MIXED.rows([point])
    rows, _ = search_candidates(MIXED, np.random.default_rng(0), lambda rows: np.zeros(len(rows)), worst, set(), 200)
    differs = ((rows != worst) & ~(np.isnan(rows) & np.isnan(worst))).sum(axis=1)
    assert (differs == 1).sum() >= 3


@settings(max_examples=50, deadline=None)
@given(space=spaces(), seed=st.integers(0, 99))
def test_in_line_is_what_differs_in_one_number_alone(space, seed):
    row = space.sample_rows(np.random.default_rng(seed), 1)[0]
    rows = in_line(space, row)
    for point in space.points(rows):
        space.check(point)
    differs = (rows != row) & ~(np.isnan(rows) & np.isnan(row))
    assert differs.sum(axis=1).max(initial=0) <= 1
    numbers = [not column.is_categorical for column in space.layout.columns]
    assert not differs[:, np.logical_not(numbers)].any()


def test_a_line_runs_through_the_whole_range_but_for_weak_percentages():
    row = MIXED.rows([{"fault_type": "delay", "target_path": "/b", "percentage": 37, "delay_ms": 123}])[0]
    rows = in_line(MIXED, row)
    delays = np.sort(MIXED.layout.columns[3].to_unit(rows[rows[:, 2] == 37, 3]))
    assert delays[0] < 0.1
    assert delays[-1] > 0.9
    assert np.diff(delays).max() < 0.1
    percentages = rows[rows[:, 3] == 123, 2]
    assert percentages.min() > 60
    assert percentages.max() > 95


def test_when_all_are_taken_there_are_none():
    space = SearchSpace.parse([{"name": "fault_type", "type": "categorical", "values": ["abort", "none"]}])
    both = set(row_ids(np.array([[0.0], [1.0]])))
    rows, promises = search_candidates(
        space, np.random.default_rng(0), lambda rows: rows[:, 0], space.rows([]), both, 50
    )
    assert len(rows) == len(promises) == 0
