import numpy as np
import pytest

from boifi_core.optimizer.surrogate import SURROGATES, NotFitted


class SurrogateContract:
    """Promises that every surrogate keeps; subclasses supply the `make` fixture: seed to surrogate."""

    @pytest.fixture
    def data(self):
        rng = np.random.default_rng(5)
        encoded = rng.random((60, 6))
        return encoded, np.where(encoded[:, 0] > 0.5, 6.0, 1.0) + encoded[:, 1]

    def test_before_fitting_it_says_so(self, make):
        with pytest.raises(NotFitted, match="nothing to predict from"):
            make(1).predict(np.zeros((1, 6)))

    def test_shapes_and_finite_numbers(self, make, data):
        surrogate = make(1)
        surrogate.fit(*data)
        for n in (0, 1, 7):
            mean, std = surrogate.predict(np.random.default_rng(0).random((n, 6)))
            assert mean.shape == std.shape == (n,)
            assert np.isfinite(mean).all()
            assert (std >= 0).all()

    def test_it_learns_a_step(self, make, data):
        surrogate = make(1)
        surrogate.fit(*data)
        low, high = np.full((1, 6), 0.5), np.full((1, 6), 0.5)
        low[0, 0], high[0, 0] = 0.1, 0.9
        assert surrogate.predict(high)[0][0] - surrogate.predict(low)[0][0] > 2.5

    def test_it_is_less_sure_between_the_steps_than_on_them(self, make, data):
        surrogate = make(1)
        surrogate.fit(*data)
        edge, plain = np.full((1, 6), 0.5), np.full((1, 6), 0.5)
        plain[0, 0] = 0.95
        assert surrogate.predict(edge)[1][0] > surrogate.predict(plain)[1][0]

    def test_the_seed_and_the_data_decide_alone(self, make, data):
        encoded, scores = data
        whole, grown, other = make(1), make(1), make(2)
        whole.fit(encoded, scores)
        other.fit(encoded, scores)
        grown.fit(encoded[:9] + 0.1, scores[:9])
        for n in (*range(2, 12), 60):
            grown.fit(encoded[:n], scores[:n])
        points = np.random.default_rng(0).random((50, 6))
        assert all(np.array_equal(a, b) for a, b in zip(whole.predict(points), grown.predict(points), strict=True))
        assert not np.array_equal(whole.predict(points)[0], other.predict(points)[0])

    def test_constant_scores_and_a_single_one(self, make):
        surrogate = make(3)
        surrogate.fit(np.zeros((1, 2)), np.array([4.0]))
        surrogate.fit(np.random.default_rng(0).random((30, 2)), np.full(30, 0.3))
        mean, std = surrogate.predict(np.random.default_rng(1).random((5, 2)))
        np.testing.assert_allclose(mean, 0.3)
        np.testing.assert_allclose(std, 0, atol=1e-6)

    def test_contradicting_scores_of_one_point_are_doubt(self, make):
        surrogate = make(3)
        surrogate.fit(np.zeros((40, 2)), np.tile([2.0, 6.0], 20))
        mean, std = surrogate.predict(np.zeros((1, 2)))
        # The mean of 40 scores of standard deviation 2, averaged over trees: six standard errors.
        assert abs(mean[0] - 4) < 6 * 2 / 40**0.5
        assert 1.5 < std[0] < 2.5


@pytest.mark.parametrize("name", SURROGATES)
class TestSurrogates(SurrogateContract):
    @pytest.fixture
    def make(self, name):
        return lambda seed: SURROGATES[name](seed, 40)


def test_the_spread_is_the_law_of_total_variance():
    """Two trees by hand: leaf means 1 and 5, leaf variances 2 and 4."""
    forest = SURROGATES["forest"](0, 2)

    class Leaf:
        def apply(self, points):
            return np.zeros(len(points), np.intp)

    forest._trees = [(Leaf(), np.array([1.0]), np.array([2.0])), (Leaf(), np.array([5.0]), np.array([4.0]))]
    mean, std = forest.predict(np.zeros((1, 1)))
    assert mean[0] == 3
    assert std[0] == pytest.approx((3 + 4) ** 0.5)
