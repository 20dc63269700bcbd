"""What every surrogate in the table promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import MIXED, evidence_of, made
from search_spaces import spaces

from boifi_core.optimizer import SURROGATES, NotFitted
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.threads import one_thread

ROWS = MIXED.sample_rows(np.random.default_rng(77), 40)


def step(point):
    return 8.0 if point["target_path"] == "/b" else 1.0


def everything(surrogate, rows=ROWS, turns=8):
    """All that a surrogate tells."""
    told = [surrogate.predict(rows), surrogate.left_out()]
    for turn in range(turns):
        view = surrogate.view(turn)
        told += [view.predict(rows), (np.array([view.prior_std]),) * 2]
    return np.concatenate([np.concatenate(pair) for pair in told])


def is_sound(told, n):
    mean, std = told
    return mean.shape == std.shape == (n,) and np.isfinite(mean).all() and np.isfinite(std).all() and (std >= 0).all()


@pytest.mark.parametrize("name", SURROGATES)
class TestEverySurrogate:
    @pytest.fixture
    def make(self, name):
        return lambda seed=1, space=MIXED: SURROGATES[name](space, seed, 30)

    def test_before_fitting_it_says_so(self, make):
        for ask in (lambda new: new.predict(ROWS), lambda new: new.left_out(), lambda new: new.view(0).predict(ROWS)):
            with pytest.raises(NotFitted, match="nothing to predict from"):
                ask(make())

    @settings(max_examples=15, deadline=None)
    @given(space=spaces(max_dimensions=4), data=st.data())
    def test_shapes_and_finite_numbers(self, name, space, data):
        surrogate = SURROGATES[name](space, 1, 5)
        evidence = data.draw(evidence_of(space))
        surrogate.fit(evidence)
        for n in (0, 1, 6):
            rows = space.sample_rows(np.random.default_rng(0), n)
            assert is_sound(surrogate.predict(rows), n)
            assert is_sound(surrogate.view(n).predict(rows), n)
        assert is_sound(surrogate.left_out(), len(evidence))
        assert 0 < surrogate.view(3).prior_std < np.inf

    def test_it_learns_a_step(self, make):
        surrogate = make()
        surrogate.fit(made(50, score=step))
        told = [surrogate.predict(ROWS), *(surrogate.view(turn).predict(ROWS) for turn in range(4))]
        high = np.array([step(point) > 5 for point in MIXED.points(ROWS)])
        for mean, _ in told:
            assert mean[high].min() > mean[~high].max()

    def test_it_is_surer_where_it_knows(self, make):
        surrogate = make()
        evidence = made(40).take(np.arange(0, 40, 2))
        surrogate.fit(evidence)
        for turn in range(4):
            predict = surrogate.view(turn).predict
            assert predict(evidence.rows)[1].mean() < predict(ROWS)[1].mean()

    @settings(max_examples=8, deadline=None)
    @given(cuts=st.sets(st.integers(1, 24), max_size=5), seed=st.integers(0, 50))
    def test_how_the_evidence_came_makes_no_difference(self, name, cuts, seed):
        evidence = made(25, seed=seed, signals=lambda point: {"latency_ms": 10.0 + point["percentage"]})
        with one_thread():
            at_once, in_parts = SURROGATES[name](MIXED, 1, 10), SURROGATES[name](MIXED, 1, 10)
            at_once.fit(evidence)
            for cut in (*sorted(cuts), 25):
                in_parts.fit(evidence.first(cut))
            assert np.array_equal(everything(at_once), everything(in_parts))

    @pytest.mark.parametrize("n", [3, 20, 25, 40])
    def test_other_evidence_before_leaves_no_trace(self, make, n):
        """Of other points, of the same points with other scores or other signals, and of more of them."""
        evidence = made(20)
        fresh, used = make(), make()
        with one_thread():
            for before in (
                made(n, seed=5),
                made(n, score=lambda point: 1.0),
                made(n, signals=lambda point: {"x": 4.0}),
            ):
                used.fit(before)
            used.fit(evidence)
            fresh.fit(evidence)
            assert np.array_equal(everything(fresh), everything(used))

    def test_looking_changes_nothing_and_the_evidence_stays_as_it_was(self, make):
        evidence, same = made(20), made(20)
        watched, plain = make(), make()
        with one_thread():
            for n in range(2, 21):
                watched.fit(evidence.first(n))
                everything(watched, turns=2)
            plain.fit(same)
            assert np.array_equal(everything(watched), everything(plain))
        assert np.array_equal(evidence.rows, same.rows, equal_nan=True)
        assert np.array_equal(evidence.scores, same.scores)

    def test_the_seed_matters(self, make):
        one, other = make(1), make(2)
        for surrogate in (one, other):
            surrogate.fit(made(20))
        assert not np.array_equal(one.predict(ROWS)[0], other.predict(ROWS)[0])

    @pytest.mark.parametrize("score", [0.0, 0.3, 10.0])
    def test_constant_scores(self, make, score):
        surrogate = make()
        surrogate.fit(made(30, score=lambda point: score))
        np.testing.assert_allclose(surrogate.predict(ROWS)[0], score, atol=1e-9)

    def test_a_single_trial(self, make):
        surrogate = make()
        surrogate.fit(made(1, score=lambda point: 4.0))
        np.testing.assert_allclose(surrogate.predict(ROWS)[0], 4.0)

    def test_scores_of_one_point_that_contradict_each_other_are_averaged(self, make):
        evidence = made(1)
        scores = np.tile([2.0, 6.0], 20)
        surrogate = make()
        surrogate.fit(Evidence(np.repeat(evidence.rows, 40, axis=0), scores, [{}] * 40))
        # The mean of 40 scores of standard deviation 2, averaged over trees: six standard errors.
        assert abs(surrogate.predict(evidence.rows)[0][0] - 4) < 6 * 2 / 40**0.5

    def test_an_outlier_is_not_foretold_by_the_others(self, make):
        evidence = made(30, score=lambda point: 2.0)
        evidence.scores[17] = 9.0
        surrogate = make()
        surrogate.fit(evidence)
        mean, _ = surrogate.left_out()
        assert mean[17] < 3
        assert evidence.scores[17] - mean[17] == max(evidence.scores - mean)
