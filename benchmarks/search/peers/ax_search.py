"""Ax as it chooses itself: a few Sobol points, then BoTorch's Gaussian process; recommends by its posterior."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from numpy.typing import NDArray

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.whole import Whole, WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column, Rows

for _name in (name for name in logging.root.manager.loggerDict if name.split(".")[0] == "ax"):
    logging.getLogger(_name).setLevel(logging.ERROR)

_METRIC = "severity"


class AxSearch:
    """One experiment without conditions.

    Where a constraint is broken, the trial is abandoned and the point that was tried in its place is attached.
    """

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._whole = WholeSpace(space, seed)
        # What has one value only is not searched.
        self._searched = [column for column in self._whole.columns if column.high > column.low]
        self._client = Client(random_seed=seed)
        self._client.configure_experiment([_parameter(column) for column in self._searched])
        self._client.configure_optimization(_METRIC)
        self._asked: tuple[int, dict[str, float], Whole] | None = None

    def propose(self) -> Point:
        """See `Peer`."""
        [(index, parameters)] = self._client.get_next_trials(max_trials=1).items()
        self._asked = index, dict(parameters), self._settled(dict(parameters))
        return self._asked[2].point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        index, parameters, whole = self._asked
        tried = self._parameters(whole.entries)
        if tried != parameters:
            self._client.mark_trial_abandoned(index)
            index = self._client.attach_trial(tried)
        self._client.complete_trial(index, {_METRIC: reading.severity})

    def recommend(self) -> Point:
        """See `Peer`."""
        parameters, *_ = self._client.get_best_parameterization()
        return self._settled(dict(parameters)).point

    def predict(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """See `Predicts`."""
        told = self._client.predict([self._parameters(row) for row in self._whole.filled(points)])
        return np.array([outcome[_METRIC][0] for outcome in told], float)

    def _settled(self, parameters: dict[str, float]) -> Whole:
        return self._whole.settled([float(parameters.get(column.name, column.low)) for column in self._whole.columns])

    def _parameters(self, entries: Rows) -> dict[str, float]:
        whole = dict(zip((column.name for column in self._whole.columns), entries.tolist(), strict=True))
        return {
            column.name: whole[column.name] if column.is_real else int(whole[column.name]) for column in self._searched
        }


def _parameter(column: Column) -> RangeParameterConfig | ChoiceParameterConfig:
    if column.is_categorical:
        return ChoiceParameterConfig(column.name, list(range(len(column.values))), "int", is_ordered=False)
    scaling = "log" if column.log else "linear"
    if column.is_real:
        return RangeParameterConfig(column.name, (column.low, column.high), "float", scaling=scaling)
    return RangeParameterConfig(column.name, (int(column.low), int(column.high)), "int", scaling=scaling)
