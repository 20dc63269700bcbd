"""The search against random search on made-up targets (`tests/support/landscapes.py`)."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from landscapes import LANDSCAPES, Landscape

from boifi_core.optimizer import OptimizerCore

SEEDS = 8
TRIALS = 60


class Run(NamedTuple):
    """True severities that one session came to; what it was told is noisy."""

    recommended: float
    worst_halfway: float


@cache
def searched(landscape: Landscape) -> list[Run]:
    return [_searched(landscape, seed) for seed in range(SEEDS)]


def _searched(landscape: Landscape, seed: int) -> Run:
    core = OptimizerCore(landscape.space, random_state=seed)
    noise = np.random.default_rng([seed, 1])
    severities = []
    for _ in range(TRIALS):
        point = core.propose()
        severities.append(landscape.severity(point))
        core.record(point, float(np.clip(severities[-1] + noise.normal(0, 0.2), 0, 10)))
    return Run(landscape.severity(core.best_point[0]), max(severities[: TRIALS // 2]))


@cache
def by_chance(landscape: Landscape) -> tuple[float, float]:
    """The worst of as many random points: mean, and the standard error of a mean of `SEEDS` runs; from 300 repeats.

    Random search is let off lightly: it is granted the truly worst of its points, not the one that seemed so.
    """
    rng = np.random.default_rng(7)
    severities = [landscape.severity(point) for point in landscape.space.sample(rng, 300 * TRIALS)]
    worst = np.reshape(severities, (300, TRIALS)).max(axis=1)
    return float(worst.mean()), float(worst.std() / SEEDS**0.5)


def gain_in_standard_errors(found: str, landscapes: tuple[Landscape, ...] = LANDSCAPES) -> float:
    """By how much the search's mean lies above that of random search, over its standard error."""
    mean = np.mean([getattr(run, found) for landscape in landscapes for run in searched(landscape)])
    expected, errors = np.transpose([by_chance(landscape) for landscape in landscapes])
    return float((mean - expected.mean()) / (np.sqrt((errors**2).sum()) / len(landscapes)))


@pytest.mark.parametrize("landscape", LANDSCAPES, ids=lambda landscape: landscape.name)
def test_random_points_never_exceed_what_is_called_the_highest(landscape):
    severities = [landscape.severity(point) for point in landscape.space.sample(np.random.default_rng(0), 3000)]
    assert 0 <= min(severities) <= max(severities) <= landscape.highest


@pytest.mark.slow
def test_what_it_recommends_is_worse_than_anything_that_random_search_meets():
    """Were the search no better, it would lie above by four standard errors about once in 30,000."""
    assert gain_in_standard_errors("recommended") > 4


@pytest.mark.slow
def test_half_of_the_trials_are_enough_for_that():
    assert gain_in_standard_errors("worst_halfway") > 2


@pytest.mark.parametrize(
    "landscape",
    [LANDSCAPES[0], *(pytest.param(each, marks=pytest.mark.slow) for each in LANDSCAPES[1:])],
    ids=lambda landscape: landscape.name,
)
def test_on_no_landscape_is_it_behind_random_search(landscape):
    assert gain_in_standard_errors("recommended", (landscape,)) > -2
