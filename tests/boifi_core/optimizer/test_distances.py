import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import MIXED
from search_spaces import spaces

from boifi_core.optimizer.distances import Distances

DISTANCES = Distances(MIXED.layout)


def between(one, other):
    """The distances of two points of `MIXED` in each dimension."""
    points = DISTANCES.coordinates(MIXED.rows([one, other]))
    return DISTANCES.pairs(points)[:, 0]


def delay(path="/a", percentage=10, delay_ms=10):
    return {"fault_type": "delay", "target_path": path, "percentage": percentage, "delay_ms": delay_ms}


ABORT = {"fault_type": "abort", "target_path": "/a", "percentage": 10}


def test_categories_differ_and_numbers_by_their_share_of_the_range():
    assert between(delay(), delay()).tolist() == [0, 0, 0, 0]
    assert between(delay(), delay("/c", 55, 2000)).tolist() == pytest.approx([0, 1, 0.5, 1])


def test_with_a_log_scale_equal_ratios_are_equal_distances():
    middle = round((10 * 2000) ** 0.5)
    assert between(delay(delay_ms=10), delay(delay_ms=middle))[3] == pytest.approx(0.5, abs=0.001)


def test_what_is_absent_from_both_says_nothing_and_from_one_everything():
    assert between(ABORT, {**ABORT, "percentage": 100})[3] == 0
    assert between(ABORT, delay(delay_ms=10))[3] == between(delay(delay_ms=2000), ABORT)[3] == 1
    assert 0.8 < between(ABORT, delay(delay_ms=141))[3] < 1


@settings(max_examples=60, deadline=None)
@given(space=spaces(), seed=st.integers(0, 999), absent=st.floats(0, 0.9))
def test_they_are_metrics_from_0_to_1(space, seed, absent):
    """Zero on itself, symmetric, triangular, in each dimension; and the two ways to ask agree."""
    rng = np.random.default_rng(seed)
    rows = space.sample_rows(rng, 9)
    rows[rng.random(rows.shape) < absent] = np.nan
    distances = Distances(space.layout)
    points = distances.coordinates(rows)
    pairs = distances.pairs(points)
    i, j = np.tril_indices(9, -1)
    for dimension, weights in enumerate(np.eye(rows.shape[1])):
        square = distances.weighted(points, points, weights, lambda d: d)
        np.testing.assert_array_equal(square[i, j], pairs[dimension])
        np.testing.assert_array_equal(square, square.T)
        assert (np.diag(square) == 0).all()
        assert square.min() >= 0
        assert square.max() <= 1 + 1e-12
        assert (square[:, None, :] <= square[:, :, None] + square[None, :, :] + 1e-12).all()


def test_no_rows_have_no_coordinates():
    assert DISTANCES.coordinates(np.empty((0, 4))).shape == (0, 4)
