import numpy as np
import pytest
from made_evidence import MIXED, made

from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.forest import Forest

ROWS = MIXED.sample_rows(np.random.default_rng(77), 40)


def fitted(evidence, trees=40):
    forest = Forest(MIXED, 3, trees)
    forest.fit(evidence)
    return forest


def test_the_spread_is_the_law_of_total_variance():
    """Two trees by hand: leaf means 1 and 5, leaf variances 2 and 4."""

    class Leaf:
        def apply(self, points):
            return np.zeros(len(points), np.intp)

    forest = Forest(MIXED, 0, 2)
    forest._trees = [(Leaf(), np.array([1.0]), np.array([2.0])), (Leaf(), np.array([5.0]), np.array([4.0]))]
    mean, std = forest.predict(ROWS[:1])
    assert mean[0] == 3
    assert std[0] == pytest.approx((3 + 4) ** 0.5)


def test_contradicting_scores_of_one_point_are_doubt():
    rows = np.repeat(ROWS[:1], 40, axis=0)
    _, std = fitted(Evidence(rows, np.tile([2.0, 6.0], 20), [{}] * 40)).predict(ROWS[:1])
    assert 1.5 < std[0] < 2.5


def test_constant_scores_are_no_doubt():
    np.testing.assert_allclose(fitted(made(30, score=lambda point: 0.3)).predict(ROWS)[1], 0, atol=1e-6)


def test_a_view_doubts_what_is_new_by_more_or_less_in_turn():
    evidence = made(30, score=lambda point: 0.3)
    forest = fitted(evidence)
    careful, bold = (forest.view(turn) for turn in range(2))
    assert careful.prior_std < bold.prior_std
    assert (careful.predict(ROWS)[1] <= bold.predict(ROWS)[1]).all()
    np.testing.assert_allclose(bold.predict(evidence.rows)[1], 0, atol=1e-6)


def test_a_score_is_left_out_by_the_trees_that_it_did_not_enter():
    """A third of the trees: they know nothing of the outlier, which the whole forest does."""
    evidence = made(30, score=lambda point: 2.0)
    evidence.scores[17] = 9.0
    forest = fitted(evidence)
    assert forest.left_out()[0][17] == pytest.approx(2.0)
    assert forest.predict(evidence.rows[17:18])[0][0] > 4


def test_trees_that_a_new_score_does_not_enter_are_kept():
    evidence = made(21)
    forest = fitted(evidence.first(20), trees=200)
    before = [tree for tree, _, _ in forest._trees]
    forest.fit(evidence)
    kept = sum(tree is old for (tree, _, _), old in zip(forest._trees, before, strict=True))
    # 1 / e of them; six standard deviations of a binomial count.
    assert abs(kept - 200 / np.e) < 6 * (200 / np.e * (1 - 1 / np.e)) ** 0.5
