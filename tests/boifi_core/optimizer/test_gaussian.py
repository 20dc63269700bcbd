import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import MIXED, made
from search_spaces import spaces

from boifi_core.optimizer.distances import Distances
from boifi_core.optimizer.gaussian import (
    ROUGH,
    SMOOTH,
    GaussianProcess,
    Hyper,
    Known,
    Prior,
    _Objective,
    fit_hyper,
    prior_hyper,
)

KERNELS = pytest.mark.parametrize("kernel", [ROUGH, SMOOTH], ids=["rough", "smooth"])
DISTANCES = Distances(MIXED.layout)
PRIOR = Prior(np.zeros(DISTANCES.n_dimensions))


def known(evidence, distances=DISTANCES):
    points = distances.coordinates(evidence.rows)
    return Known(points, distances.pairs(points))


def covariance(kernel, distances, points, relevance):
    """The kernel matrix without noise, from `weighted`, which prediction uses."""
    return kernel.likeness(distances.weighted(points, points, relevance**kernel.power, kernel.measure))


def process(kernel, evidence, relevance=1.0, noise=0.02):
    hyper = Hyper(np.full(DISTANCES.n_dimensions, relevance), noise)
    return GaussianProcess(DISTANCES, kernel, PRIOR, hyper, known(evidence), evidence.scores)


@KERNELS
@settings(max_examples=60, deadline=None)
@given(space=spaces(), seed=st.integers(0, 999), absent=st.floats(0, 0.9), data=st.data())
def test_kernels_are_positive_definite_whatever_is_absent(kernel, space, seed, absent, data):
    """With the noise beneath which `fit_hyper` never goes; any entry may be absent, conditions or not."""
    rng = np.random.default_rng(seed)
    rows = space.sample_rows(rng, 30)
    rows[rng.random(rows.shape) < absent] = np.nan
    distances = Distances(space.layout)
    logs = data.draw(st.lists(st.floats(-7, 5), min_size=rows.shape[1], max_size=rows.shape[1]))
    matrix = covariance(kernel, distances, distances.coordinates(rows), np.exp(logs))
    np.testing.assert_allclose(matrix, matrix.T)
    assert matrix.max() <= 1
    # Rounding alone may lead below 0, and far less than the least noise.
    assert np.linalg.eigvalsh(matrix)[0] > -1e-9


@KERNELS
def test_a_line_and_what_is_absent_from_it(kernel):
    """Many numbers and one absent: were it equally far from all of them, no such points could exist."""
    rows = np.column_stack([np.zeros(40), np.zeros(40), np.full(40, 50.0), np.geomspace(10, 2000, 40)])
    rows[::2, 3] = np.nan
    for relevance in (0.1, 0.3, 1.0):
        points = DISTANCES.coordinates(rows)
        matrix = covariance(kernel, DISTANCES, points, np.full(4, relevance))
        assert np.linalg.eigvalsh(matrix)[0] > -1e-12


@KERNELS
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_the_objective(kernel, seed):
    """Against central differences, at random hyperparameters."""
    evidence = made(14, seed=seed)
    objective = _Objective(kernel, PRIOR, kernel.measure(known(evidence).pairs), evidence.scores)
    at = np.random.default_rng(seed).normal(-0.5, 0.7, DISTANCES.n_dimensions + 1)
    _, gradient = objective(at)
    step = 1e-5 * np.eye(len(at))
    numeric = [(objective(at + one)[0] - objective(at - one)[0]) / 2e-5 for one in step]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-6)


@KERNELS
def test_learning_leads_to_something_more_probable(kernel):
    evidence = made(30)
    pairs = known(evidence).pairs
    found = fit_hyper(kernel, PRIOR, pairs, evidence.scores)
    objective = _Objective(kernel, PRIOR, kernel.measure(pairs), evidence.scores)
    start = prior_hyper(PRIOR)
    before, _ = objective(np.log(np.append(start.relevance, start.noise)))
    after, _ = objective(np.log(np.append(found.relevance, found.noise)))
    assert after < before - 1


@KERNELS
def test_what_matters_becomes_relevant_and_what_does_not_does_not(kernel):
    evidence = made(60, score=lambda point: 9.0 if point["target_path"] == "/a" else 1.0)
    relevance = fit_hyper(kernel, PRIOR, known(evidence).pairs, evidence.scores).relevance
    assert relevance[1] == relevance.max()
    # Irrelevance is learnt: below where it began.
    assert (relevance[[0, 2, 3]] < 1).all()


@KERNELS
def test_leaving_one_out_is_as_if_it_had_not_been_there(kernel):
    """Against the textbook's formula without the point, the process's own mean and variance kept."""
    evidence = made(12)
    fitted = process(kernel, evidence, noise=0.1)
    mean, std = fitted.left_out
    matrix = covariance(kernel, DISTANCES, known(evidence).points, np.ones(4))
    noisy = matrix + (0.1 + 1e-8) * np.eye(12)
    ones, scores = np.ones(12), evidence.scores
    inverse = np.linalg.inv(noisy)
    level = ones @ inverse @ scores / (ones @ inverse @ ones)
    for out in range(12):
        rest = np.delete(np.arange(12), out)
        pull = np.linalg.solve(noisy[np.ix_(rest, rest)], matrix[rest, out])
        assert mean[out] == pytest.approx(level + pull @ (scores[rest] - level))
        variance = noisy[out, out] - pull @ matrix[rest, out]
        assert std[out] == pytest.approx(fitted.prior_std * variance**0.5)


@KERNELS
def test_what_is_expected_at_known_points_is_what_it_predicts_there(kernel):
    evidence = made(15)
    fitted = process(kernel, evidence)
    np.testing.assert_allclose(fitted.predict(known(evidence).points)[0], fitted.expected, atol=1e-4)


@KERNELS
def test_it_is_surer_where_it_knows_and_as_unsure_as_at_first_where_it_does_not(kernel):
    evidence = made(15)
    _, std = process(kernel, evidence).predict(known(evidence).points)
    assert (std < 0.3 * process(kernel, evidence).prior_std).all()
    far = process(kernel, evidence, relevance=50.0)
    point = {"fault_type": "delay", "target_path": "/a", "percentage": 33, "delay_ms": 333}
    elsewhere = DISTANCES.coordinates(MIXED.rows([point]))
    np.testing.assert_allclose(far.predict(elsewhere)[1], far.prior_std, rtol=0.05)


@KERNELS
def test_a_second_reading_makes_it_surer(kernel):
    once = made(8)
    twice = once.take(np.append(np.arange(8), 0))
    at = known(once).points[:1]
    assert process(kernel, twice, noise=0.5).predict(at)[1] < process(kernel, once, noise=0.5).predict(at)[1]


@KERNELS
def test_scores_that_are_all_alike_stay_so(kernel):
    evidence = made(10, score=lambda point: 3.0)
    hyper = fit_hyper(kernel, PRIOR, known(evidence).pairs, evidence.scores)
    fitted = GaussianProcess(DISTANCES, kernel, PRIOR, hyper, known(evidence), evidence.scores)
    points = DISTANCES.coordinates(MIXED.sample_rows(np.random.default_rng(1), 20))
    mean, std = fitted.predict(points)
    np.testing.assert_allclose(mean, 3.0)
    assert (std > 0).all()


@KERNELS
@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_large_scores_are_the_same_in_another_unit(kernel, factor):
    """Above the prior's scale, where the scores say themselves how far they spread."""
    evidence = made(12, score=lambda point: 40.0 if point["target_path"] == "/a" else 0.0)
    points = DISTANCES.coordinates(MIXED.sample_rows(np.random.default_rng(1), 9))
    hyper, prior = Hyper(np.ones(4), 0.02), Prior(np.zeros(4), scale=1e-9)
    plain, scaled = (
        GaussianProcess(DISTANCES, kernel, prior, hyper, known(evidence), evidence.scores * by).predict(points)
        for by in (1.0, factor)
    )
    np.testing.assert_allclose(scaled[0], plain[0] * factor, rtol=1e-6, atol=1e-9 * factor)
    np.testing.assert_allclose(scaled[1], plain[1] * factor, rtol=1e-6)
