import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_evidence import MIXED

from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.strategy import chance_to_explore, chance_to_probe, is_surprising


def chance(scores, n_initial=5):
    return chance_to_explore(np.array(scores, float), n_initial)


class TestChanceToExplore:
    @given(scores=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60), n_initial=st.integers(1, 20))
    def test_it_always_leaves_room_for_either(self, scores, n_initial):
        assert 0 < chance(scores, n_initial) < 1

    def test_it_rises_while_nothing_is_found_and_falls_when_something_is(self):
        stuck = [chance([2.0] * n) for n in range(6, 40)]
        assert stuck == sorted(stuck)
        assert stuck[-1] > 2 * stuck[0]
        assert chance([2.0] * 20 + [5.0]) < chance([2.0] * 21)

    def test_small_steps_add_up(self):
        """Noise of a tenth is no step; ten of them are."""
        assert chance([2.0] * 20 + [2.1]) == chance([2.0] * 21)
        climbing = [2.0 + 0.1 * i for i in range(21)]
        assert chance(climbing) < chance([2.0] * 21)

    def test_the_initial_design_is_not_held_against_the_model(self):
        assert chance([5.0] + [1.0] * 9, n_initial=10) < chance([5.0] + [1.0] * 9, n_initial=1)

    def test_at_the_top_nothing_is_left_to_look_for(self):
        assert chance([9.9] + [1.0] * 30) == chance([1.0] * 30 + [9.9]) < chance([7.0] + [1.0] * 30)


class TestChanceToProbe:
    @pytest.mark.parametrize("since", range(8))
    def test_only_when_nothing_has_grown_for_a_while(self, since):
        scores = np.array([1.0] * 5 + [4.0, *[2.0] * since])
        assert (chance_to_probe(scores, 5) > 0) == (since >= 3 - 1)

    def test_the_model_has_its_say_first(self):
        assert chance_to_probe(np.array([6.0] + [1.0] * 9), 10) == 0


class TestSurprise:
    rows = MIXED.sample_rows(np.random.default_rng(0), 6)

    def surprising(self, scores, foretold, rows=None, std=0.5):
        evidence = Evidence(self.rows if rows is None else rows, np.array(scores, float), [{}] * len(scores))
        left_out = np.full(len(scores), float(foretold)), np.full(len(scores), std)
        return is_surprising(evidence, lambda: left_out)

    def test_a_new_worst_fault_that_nothing_foretold(self):
        assert self.surprising([1, 2, 1, 2, 1, 9], foretold=1.5)

    @pytest.mark.parametrize(
        ("scores", "foretold"),
        [
            ([1, 2, 1, 2, 1, 9], 8.8),
            ([1, 9.5, 1, 2, 1, 9], 1.5),
            ([1, 2, 1, 2, 1, 1.9], 1.5),
            ([0, 0, 0, 0, 0, 0.5], 0),
        ],
        ids=["foretold", "not the worst", "not the worst by little", "too little to matter"],
    )
    def test_what_is_none(self, scores, foretold):
        assert not self.surprising(scores, foretold)

    def test_a_model_that_is_unsure_is_surprised_less_easily(self):
        assert self.surprising([1, 2, 1, 2, 1, 3.5], foretold=1.5, std=0.1)
        assert not self.surprising([1, 2, 1, 2, 1, 3.5], foretold=1.5, std=2.0)

    def test_a_second_reading_is_none(self):
        rows = self.rows.copy()
        rows[5] = rows[2]
        assert not self.surprising([1, 2, 8, 2, 1, 9], foretold=1.5, rows=rows)

    def test_the_first_of_all_is_none(self):
        assert not self.surprising([9], foretold=0, rows=self.rows[:1])
