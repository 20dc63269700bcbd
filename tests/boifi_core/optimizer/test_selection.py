import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.optimizer.acquisition import UpperConfidenceBound
from boifi_core.optimizer.novelty import novelty, widened
from boifi_core.optimizer.pareto import pareto_front
from boifi_core.optimizer.selection import SELECTIONS, Known
from boifi_core.optimizer.surrogate import SURROGATES

triples = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=25)


def dominated(rows, one):
    return any((other >= one).all() and (other > one).any() for other in rows)


@given(values=triples)
def test_the_front_is_what_nothing_dominates(values):
    rows = np.array(values, float)
    assert pareto_front(rows).tolist() == [not dominated(rows, row) for row in rows]


def make(name):
    return SELECTIONS[name](lambda: SURROGATES["forest"](1, 60), UpperConfidenceBound(0.0))


CANDIDATES = np.array([[0.9, 0.1], [0.1, 0.1], [0.1, 0.9]])


@pytest.mark.parametrize("name", SELECTIONS)
class TestEverySelection:
    def test_without_signals_the_most_promising_is_chosen(self, name):
        known = Known(np.array([[0.5, 0.5], [0.2, 0.2]]), [{}, {}])
        assert make(name).choose(CANDIDATES, np.array([1.0, 3.0, 2.0]), known) == 1

    def test_of_equals_the_farthest_from_what_was_tried(self, name):
        known = Known(np.array([[0.9, 0.1], [0.2, 0.2]]), [{}, {}])
        assert make(name).choose(CANDIDATES, np.zeros(3), known) == 2

    def test_one_candidate_is_enough(self, name):
        signals = {"bug_score": 1.0, "performance_score": 2.0, "structure_score": 3.0}
        assert make(name).choose(CANDIDATES[:1], np.zeros(1), Known(CANDIDATES, [signals] * 3)) == 0


def test_pareto_leaves_out_what_another_beats_in_all_three():
    """Bugs grow along the first axis, structure along the second: the corner without both is beaten by either."""
    tried = np.random.default_rng(0).random((80, 2))
    signals = [
        {"bug_score": 10 * x, "performance_score": 1.0, "structure_score": 10 * y, "latency_ms": 5.0} for x, y in tried
    ]
    candidates = np.array([[0.9, 0.4], [0.1, 0.1], [0.4, 0.9]])
    promise = np.array([1.0, 9.0, 2.0])
    known = Known(tried, signals)
    assert make("severity").choose(candidates, promise, known) == 1
    assert make("pareto").choose(candidates, promise, known) == 2


def test_pareto_learns_from_whole_signals_only():
    tried = np.random.default_rng(0).random((80, 2))
    signals = [{"bug_score": 10 * x, "structure_score": 10 * y} for x, y in tried]
    assert make("pareto").choose(CANDIDATES, np.array([1.0, 9.0, 2.0]), Known(tried, signals)) == 1


def test_novelty_is_zero_where_tried_and_one_at_another_category():
    tried = np.array([[1.0, 0.0, 0.2], [1.0, 0.0, 0.8]])
    found = novelty(np.array([[1.0, 0.0, 0.2], [0.0, 1.0, 0.2], [1.0, 0.0, 0.4]]), tried)
    np.testing.assert_allclose(found, [0, 1, 0.02], atol=1e-12)
    np.testing.assert_allclose(widened(np.full(3, 3.0), np.array([0, 1, 0.25]), 4.0), [3, 5, 13**0.5])
