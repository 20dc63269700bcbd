import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.optimizer.acquisition import ACQUISITIONS, Balance, ExpectedImprovement, UpperConfidenceBound

numbers = st.floats(-10, 10)
spreads = st.floats(0, 10)


def ei(mean, std, best, xi=0.0):
    return float(ExpectedImprovement(xi)(np.array([mean]), np.array([std]), best)[0])


@given(mean=numbers, std=spreads, best=numbers, xi=st.floats(0, 1))
def test_ei_is_never_negative_and_at_least_the_certain_gain(mean, std, best, xi):
    assert ei(mean, std, best, xi) >= max(mean - best - xi, 0) - 1e-9


@given(mean=numbers, best=numbers)
def test_ei_without_doubt_is_the_gain(mean, best):
    assert ei(mean, 0.0, best) == max(mean - best, 0)


@given(mean=numbers, std=st.floats(0.01, 5), more=st.floats(0.01, 5), best=numbers)
def test_ei_grows_with_mean_and_with_doubt(mean, std, more, best):
    assert ei(mean + more, std, best) >= ei(mean, std, best) - 1e-12
    assert ei(mean, std + more, best) >= ei(mean, std, best) - 1e-12


@pytest.mark.parametrize(("mean", "std", "best", "xi"), [(3, 2, 4, 0.01), (5, 0.5, 4, 0.5), (0, 3, 0, 0)])
def test_ei_is_the_mean_of_the_gain(mean, std, best, xi):
    """Against the definition, by drawing; the tolerance is six standard errors."""
    gains = np.maximum(np.random.default_rng(1).normal(mean, std, 200_000) - best - xi, 0)
    assert abs(ei(mean, std, best, xi) - gains.mean()) < 6 * gains.std() / len(gains) ** 0.5


def test_ucb_is_mean_plus_beta_times_std():
    promise = UpperConfidenceBound(1.96)(np.array([1.0, 2.0]), np.array([2.0, 0.0]), 9.0)
    np.testing.assert_allclose(promise, [4.92, 2.0])


def test_the_table_passes_the_weights_on():
    assert ACQUISITIONS["ei"](Balance(xi=0.3)) == ExpectedImprovement(0.3)
    assert ACQUISITIONS["ucb"](Balance(beta=2.5)) == UpperConfidenceBound(2.5)


extremes = st.one_of(st.floats(-10, 10), st.sampled_from([0.0, -1e12, 1e12, 1e-300]))
doubts = st.one_of(st.floats(0, 10), st.sampled_from([0.0, 1e-300, 1e12]))


@pytest.mark.parametrize("name", ACQUISITIONS)
class TestEveryAcquisition:
    @given(told=st.lists(st.tuples(extremes, doubts), min_size=0, max_size=6), best=extremes)
    def test_one_finite_promise_for_each_point_that_depends_on_it_alone(self, name, told, best):
        mean, std = np.array(told, float).reshape(-1, 2).T
        acquisition = ACQUISITIONS[name](Balance())
        promise = acquisition(mean, std, best)
        assert promise.shape == mean.shape
        assert np.isfinite(promise).all()
        alone = [acquisition(mean[i : i + 1], std[i : i + 1], best)[0] for i in range(len(mean))]
        np.testing.assert_allclose(promise, alone)

    @given(mean=numbers, std=spreads, more=st.floats(0.01, 5), best=numbers)
    def test_more_is_more_promising(self, name, mean, std, more, best):
        acquisition = ACQUISITIONS[name](Balance())
        plain, worse, unsurer = acquisition(np.array([mean, mean + more, mean]), np.array([std, std, std + more]), best)
        assert worse >= plain - 1e-12
        assert unsurer >= plain - 1e-12
