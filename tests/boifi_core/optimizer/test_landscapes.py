"""The search against random search on made-up targets (`tests/support/landscapes.py`)."""

import numpy as np
import pytest
from landscapes import LANDSCAPES, Landscape

from boifi_core.optimizer import OptimizerCore

SEEDS = 4
TRIALS = 60


def searched(landscape: Landscape, seed: int) -> float:
    """The true severity of the worst point found; what is recorded is noisy."""
    core = OptimizerCore(landscape.space, random_state=seed, n_estimators=40, n_candidates=700)
    noise = np.random.default_rng([seed, 1])
    worst = 0.0
    for _ in range(TRIALS):
        point = core.propose()
        severity = landscape.severity(point)
        worst = max(worst, severity)
        core.record(point, float(np.clip(severity + noise.normal(0, 0.2), 0, 10)))
    return worst


@pytest.mark.parametrize("landscape", LANDSCAPES, ids=lambda landscape: landscape.name)
def test_random_points_never_exceed_what_is_called_the_highest(landscape):
    severities = [landscape.severity(point) for point in landscape.space.sample(np.random.default_rng(0), 3000)]
    assert 0 <= min(severities) <= max(severities) <= landscape.highest


def test_it_finds_more_than_random_search():
    """Mean of the worst severity over all landscapes and seeds, against the exact distribution for random search.

    Random search's mean and its standard deviation are taken from 300 repeats; under the hypothesis that the search
    is no better, the mean of its runs lies above by four standard errors about once in 30,000.
    """
    found, expected, variance = [], [], []
    for landscape in LANDSCAPES:
        rng = np.random.default_rng(7)
        severities = [landscape.severity(point) for point in landscape.space.sample(rng, 300 * TRIALS)]
        worst = np.reshape(severities, (300, TRIALS)).max(axis=1)
        expected.append(worst.mean())
        variance.append(worst.var() / SEEDS)
        found.append(np.mean([searched(landscape, seed) for seed in range(SEEDS)]))
    standard_error = np.sqrt(np.sum(variance)) / len(LANDSCAPES)
    assert np.mean(found) - np.mean(expected) > 4 * standard_error, (found, expected)
