import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import FAULT, evidence_of
from search_spaces import spaces

from boifi_core.optimizer import SELECTIONS, SURROGATES
from boifi_core.optimizer.acquisition import UpperConfidenceBound
from boifi_core.optimizer.evidence import Evidence
from boifi_core.space import SearchSpace

NUMBERS = [{"name": name, "type": "real", "min": 0, "max": 1} for name in ("x", "y")]
PLANE = SearchSpace.parse({"dimensions": NUMBERS, "fixed": {"fault_type": "abort"}})
CANDIDATES = np.array([[0.9, 0.1], [0.1, 0.1], [0.1, 0.9]])
BUGS = {"bug_score": 1.0, "performance_score": 2.0, "structure_score": 3.0}


def make(name, space=PLANE, trees=60):
    return SELECTIONS[name](space, lambda: SURROGATES["forest"](space, 1, trees), UpperConfidenceBound(0.0))


def tried(rows, signals):
    return Evidence(np.array(rows, float), np.zeros(len(rows)), signals)


@pytest.mark.parametrize("name", SELECTIONS)
class TestEverySelection:
    def test_without_signals_the_most_promising_is_chosen(self, name):
        known = tried([[0.5, 0.5], [0.2, 0.2]], [{}, {}])
        assert make(name).choose(CANDIDATES, np.array([1.0, 3.0, 2.0]), known) == 1

    def test_of_equals_the_farthest_from_what_was_tried(self, name):
        known = tried([[0.9, 0.1], [0.2, 0.2]], [{}, {}])
        assert make(name).choose(CANDIDATES, np.zeros(3), known) == 2

    def test_one_candidate_is_enough(self, name):
        assert make(name).choose(CANDIDATES[:1], np.zeros(1), tried(CANDIDATES, [BUGS] * 3)) == 0

    @settings(max_examples=15, deadline=None)
    @given(space=spaces(max_dimensions=4), data=st.data(), n=st.integers(1, 6))
    def test_it_chooses_one_of_any_candidates_and_the_same_one_again(self, name, space, data, n):
        known = data.draw(evidence_of(space))
        rows = space.sample_rows(np.random.default_rng(n), n)
        promise = np.array(data.draw(st.lists(st.floats(0, 1e12), min_size=n, max_size=n)))
        selection = make(name, space, trees=3)
        chosen = selection.choose(rows, promise, known)
        assert type(chosen) is int
        assert 0 <= chosen < n
        assert selection.choose(rows, promise, known) == chosen


def test_pareto_leaves_out_what_another_beats_in_all_three():
    """Bugs grow along the first axis, structure along the second: the corner without both is beaten by either."""
    points = np.random.default_rng(0).random((80, 2))
    signals = [
        {"bug_score": 10 * x, "performance_score": 1.0, "structure_score": 10 * y, "latency_ms": 5.0} for x, y in points
    ]
    candidates = np.array([[0.9, 0.4], [0.1, 0.1], [0.4, 0.9]])
    promise = np.array([1.0, 9.0, 2.0])
    known = tried(points, signals)
    assert make("severity").choose(candidates, promise, known) == 1
    assert make("pareto").choose(candidates, promise, known) == 2


def test_pareto_learns_from_whole_signals_only():
    points = np.random.default_rng(0).random((80, 2))
    signals = [{"bug_score": 10 * x, "structure_score": 10 * y} for x, y in points]
    assert make("pareto").choose(CANDIDATES, np.array([1.0, 9.0, 2.0]), tried(points, signals)) == 1


def test_pareto_works_where_dimensions_are_absent():
    condition = {"field": "fault_type", "operator": "equals", "value": "delay"}
    space = SearchSpace.parse(
        [FAULT, {"name": "delay_ms", "type": "integer", "min": 1, "max": 9, "condition": condition}]
    )
    rows = space.sample_rows(np.random.default_rng(0), 12)
    assert make("pareto", space).choose(rows, np.zeros(12), tried(rows, [BUGS] * 12)) in range(12)
