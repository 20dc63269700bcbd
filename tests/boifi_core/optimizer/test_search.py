import numpy as np
from made_evidence import MIXED, made, severity

from boifi_core.optimizer.acquisition import UpperConfidenceBound
from boifi_core.optimizer.search import Situation, largest_gain, least_known_in_line, most_promising, most_telling
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


def test_an_edge_is_looked_for_in_line_with_one_of_the_worst():
    where = situation(lambda rows: (truth(rows)[0], np.where(np.isnan(rows[:, 3]), 0.0, 1.0)))
    row = least_known_in_line(where, np.random.default_rng(0))
    expected = where.expected()
    worst = where.own.rows[expected >= expected.max() - 0.7]
    differs = (worst != row) & ~(np.isnan(worst) & np.isnan(row))
    assert (differs.sum(axis=1) == 1).any()


def test_of_a_line_the_least_known_is_taken():
    """Known are delays of 300 and more: below is where the edge may be."""
    delay = {"name": "delay_ms", "type": "integer", "min": 1, "max": 1000}
    space = SearchSpace.parse({"dimensions": [delay], "fixed": {"fault_type": "delay"}})
    own = made(15, space=space, score=lambda point: 7.0)

    def predict(rows):
        return np.full(len(rows), 7.0), np.where(np.abs(rows[:, 0] - 150) < 100, 2.0, 0.5)

    where = Situation(space, View(predict, 4.0), own, set(row_ids(own.rows)), np.empty((0, 1)))
    assert abs(least_known_in_line(where, np.random.default_rng(0))[0] - 150) < 100


def test_where_the_lines_are_well_known_there_is_no_edge_to_look_for():
    assert least_known_in_line(situation(lambda rows: truth(rows, 0.4)), np.random.default_rng(0)) is None


def test_where_none_is_left_there_is_none():
    space = SearchSpace.parse([{"name": "fault_type", "type": "categorical", "values": ["abort", "none"]}])
    own = made(6, space=space, score=lambda point: 1.0)
    taken = set(row_ids(np.array([[0.0], [1.0]])))
    where = Situation(space, View(lambda rows: (rows[:, 0], rows[:, 0]), 4.0), own, taken, np.empty((0, 1)))
    rng = np.random.default_rng(0)
    assert most_telling(where, rng) is None
    assert least_known_in_line(where, rng) is None
    assert most_promising(where, UpperConfidenceBound(), HighestSeverity(space), 50, rng) is None
    assert largest_gain(where, 50, rng) == 0
