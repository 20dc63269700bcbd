import numpy as np
import pytest
from made_evidence import MIXED, made

from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.recommendation import explained_share, recommended


def last_entry(rows):
    """A model that expects most of the highest percentage."""
    return rows[:, 2], np.full(len(rows), 0.5)


def test_the_one_of_which_most_is_expected_with_all_its_readings():
    own = made(20).take(np.array([3, 5, 7, 5, 9, 5]))
    own.rows[:, 2] = [10, 99, 20, 99, 30, 99]
    own.scores[:] = [9, 1, 9, 2, 9, 6]
    best = recommended(MIXED, own, MIXED.points(own.rows), last_entry)
    assert best[0]["percentage"] == 99
    assert (best[1], best.mean, best.std, best.readings) == (3.0, 99.0, 0.5, 3)


def test_without_a_model_the_worst_reading():
    own = made(1)
    assert recommended(MIXED, own, MIXED.points(own.rows), None) == (MIXED.points(own.rows)[0], own.scores[0])


def test_of_very_many_those_are_asked_about_that_ever_read_high():
    """A point that first seemed harmless, and then did not, is among them."""
    rows = np.vstack([MIXED.rows([{"fault_type": "abort", "target_path": "/a", "percentage": 100}]), made(400).rows])
    rows[1:, 2] = np.minimum(rows[1:, 2], 90)
    scores = np.append(0.0, np.full(400, 4.0))
    again = Evidence(np.vstack([rows, rows[:1]]), np.append(scores, 9.0), [{}] * 402)
    best = recommended(MIXED, again, MIXED.points(again.rows), last_entry)
    assert best[0]["percentage"] == 100
    assert best.readings == 2


def test_how_well_it_was_foretold():
    scores = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert explained_share(scores, scores) == 1
    assert explained_share(scores, np.full(5, 3.0)) == 0
    assert explained_share(scores, scores[::-1]) < 0
    assert explained_share(np.append(scores, 70.0), np.append(scores, np.nan)) == pytest.approx(1)
    assert explained_share(scores[:4], scores[:4]) is None
    assert explained_share(np.ones(9), np.ones(9)) is None
