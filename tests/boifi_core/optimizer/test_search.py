import numpy as np
from made_evidence import MIXED, made, severity

from boifi_core.optimizer.acquisition import UpperConfidenceBound
from boifi_core.optimizer.search import Situation, largest_gain, most_promising, most_telling
from boifi_core.optimizer.selection import HighestSeverity
from boifi_core.optimizer.surrogate import View
from boifi_core.space import SearchSpace
from boifi_core.space.space import row_ids

NONE = np.empty((0, 4))


def truth(rows, std=0.0):
    return np.array([severity(point) for point in MIXED.points(rows)]), np.full(len(rows), std)


def situation(predict=truth, pending=NONE, **more):
    own = made(15)
    taken = {*row_ids(own.rows), *row_ids(pending)}
    return Situation(MIXED, View(predict, 4.0, **more), own, taken, pending)


def promising(where, seed=0):
    return most_promising(where, UpperConfidenceBound(0.0), HighestSeverity(MIXED), 200, np.random.default_rng(seed))


def test_where_all_is_known_the_worst_is_promising():
    """Of a model that knows the truth: far worse than any of fifteen trials."""
    row, promise = promising(situation())
    assert promise == severity(MIXED.points(row[None, :])[0]) > 9.5


def test_what_is_pending_is_kept_away_from():
    first, _ = promising(situation())
    other, _ = promising(situation(pending=first[None, :]))
    assert other[1] != first[1]


def test_a_gain_is_what_the_best_known_is_exceeded_by():
    known = max(truth(made(15).rows)[0])
    gain = largest_gain(situation(), 200, np.random.default_rng(0))
    assert 0 < gain <= 10 - known
    # Where nothing is known, anything may be.
    assert largest_gain(situation(lambda rows: truth(rows, 4.0)), 200, np.random.default_rng(0)) > gain


def test_the_most_telling_is_what_the_model_says_it_is():
    def tells(rows, others, counts):
        assert len(others) == len(counts)
        assert counts.min() >= 0
        return np.where(rows[:, 1] == 2, 1.0 + rows[:, 2], 0.0)

    row = most_telling(situation(tells=tells), np.random.default_rng(0))
    assert row[1] == 2
    assert row[2] > 90


def test_without_such_a_model_it_is_where_least_is_known():
    def predict(rows):
        return np.zeros(len(rows)), rows[:, 2]

    assert most_telling(situation(predict), np.random.default_rng(0))[2] > 95


def test_where_none_is_left_there_is_none():
    space = SearchSpace.parse([{"name": "fault_type", "type": "categorical", "values": ["abort", "none"]}])
    own = made(6, space=space, score=lambda point: 1.0)
    taken = set(row_ids(np.array([[0.0], [1.0]])))
    where = Situation(space, View(lambda rows: (rows[:, 0], rows[:, 0]), 4.0), own, taken, np.empty((0, 1)))
    rng = np.random.default_rng(0)
    assert most_telling(where, rng) is None
    assert most_promising(where, UpperConfidenceBound(), HighestSeverity(space), 50, rng) is None
    assert largest_gain(where, 50, rng) == 0
