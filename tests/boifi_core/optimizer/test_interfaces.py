"""A new surrogate, acquisition function, initial design or selection is one small piece and one line in a table."""

import numpy as np
import pytest
from made_evidence import MIXED
from optimizing import optimizer, signals, steps

from boifi_core.errors import InvalidInput
from boifi_core.optimizer import ACQUISITIONS, DESIGNS, SELECTIONS, SURROGATES
from boifi_core.optimizer.surrogate import View
from boifi_core.session.config import OptimizerConfig


class NearestReadings:
    """A surrogate: the mean of the three nearest readings, unsure by how far they are apart."""

    def __init__(self, space, seed, n_estimators):
        self.space = space

    def fit(self, evidence):
        self.known, self.scores = self.space.encode_rows(evidence.rows), evidence.scores

    def predict(self, rows):
        return self._read(self.space.encode_rows(rows), 0)

    def left_out(self):
        return self._read(self.known, 1)

    def view(self, turn):
        return View(self.predict, float(self.scores.std()) + 1.0)

    def _read(self, encoded, skip):
        apart = ((encoded[:, None] - self.known[None, :]) ** 2).sum(axis=2)
        nearest = self.scores[apart.argsort(axis=1, kind="stable")[:, skip : skip + 3]]
        return nearest.mean(axis=1), nearest.std(axis=1) + 0.1


def probability_of_improvement(balance):
    """An acquisition function, as a logistic curve."""
    return lambda mean, std, best: 1 / (1 + np.exp(-np.clip((mean - best - balance.xi) / (std + 1e-9), -50, 50)))


def corners(space, rng, n):
    """An initial design: whatever lies nearest to the ends of each dimension."""
    rows = space.sample_rows(rng, 20 * n)
    return rows[np.abs(space.encode_rows(rows) - 0.5).sum(axis=1).argsort()[::-1][:n]]


class SecondBest:
    """A selection: leaves the most promising candidate to others."""

    def __init__(self, space, make_surrogate, acquisition):
        self.space = space

    def choose(self, rows, promise, known):
        return int(promise.argsort()[-min(2, len(promise))])


@pytest.fixture
def added(monkeypatch):
    """One line in each table."""
    monkeypatch.setitem(SURROGATES, "nearest", NearestReadings)
    monkeypatch.setitem(ACQUISITIONS, "pi", probability_of_improvement)
    monkeypatch.setitem(DESIGNS, "corners", corners)
    monkeypatch.setitem(SELECTIONS, "second", SecondBest)


ADDED = {"surrogate": "nearest", "acquisition_func": "pi", "initial_design": "corners", "selection": "second"}


@pytest.mark.parametrize("options", [*({key: value} for key, value in ADDED.items()), ADDED], ids=lambda o: "+".join(o))
def test_what_was_added_is_chosen_by_name(added, options):
    core = optimizer(**options)
    points = steps(core, 10)
    for point in points:
        MIXED.check(point)
    assert points != steps(optimizer(), 10)
    again = optimizer(**options)
    again.load((point, score, signals(point)) for point, score in core.history)
    assert again.propose() == core.propose()
    assert again.best_point == core.best_point


def test_a_session_file_may_name_it(added):
    chosen = OptimizerConfig(surrogate="nearest", acquisition="pi", selection="second")
    assert chosen.surrogate == "nearest"


def test_one_that_nobody_added_is_not_known():
    with pytest.raises(InvalidInput, match="surrogate: must be one of"):
        optimizer(surrogate="nearest")


def test_a_session_file_that_says_nothing_takes_the_optimizers_own_defaults():
    config = OptimizerConfig()
    plain, spelt_out = (
        optimizer(),
        optimizer(
            acquisition_func=config.acquisition,
            surrogate=config.surrogate,
            selection=config.selection,
            xi=config.xi,
            beta=config.beta,
        ),
    )
    assert steps(plain, 10) == steps(spelt_out, 10)
