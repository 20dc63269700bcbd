"""SMAC3 with conditions: `HyperparameterOptimizationFacade` by `ask` and `tell`.

It is told that readings are noisy, which is its default: it repeats promising points, and names the incumbent of its
own races as the best. It refits every eighth new point, its default too: each refit takes seconds.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ConfigSpace import (
    Categorical,
    Configuration,
    ConfigurationSpace,
    EqualsCondition,
    Float,
    GreaterThanCondition,
    InCondition,
    Integer,
    LessThanCondition,
    NotEqualsCondition,
)
from numpy.typing import NDArray
from smac import HyperparameterOptimizationFacade as Facade
from smac import Scenario
from smac.runhistory.dataclasses import TrialInfo, TrialValue

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.layout import Layout
from boifi_core.space.rows import Column, Statement

_HIGHEST = 10.0
_TRIALS = 100

logging.getLogger("smac").setLevel(logging.ERROR)


class Smac:
    """One optimization; its cost is how far the severity is from 10.

    Where a constraint is broken it is told of the point that was tried in its place, with its own seed.
    """

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._whole = WholeSpace(space, seed)
        self._folder = tempfile.TemporaryDirectory(prefix="boifi-smac-")
        self._configs = _config_space(space.layout, seed)
        scenario = Scenario(
            self._configs, output_directory=Path(self._folder.name), n_trials=_TRIALS, seed=seed, deterministic=False
        )
        self._facade = Facade(
            scenario,
            _not_called,
            logging_level=False,
            overwrite=True,
        )
        self._asked: TrialInfo | None = None
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        self._asked = self._facade.ask()
        config = dict(self._asked.config)
        entries = [float(config.get(column.name, column.low)) for column in self._whole.columns]
        return self._whole.settled(entries).point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        self._best.see(point, reading.severity)
        asked, tried = self._asked, self._config(point)
        value = TrialValue(cost=_HIGHEST - reading.severity)
        if tried != asked.config:
            self._facade.tell(asked, TrialValue(cost=_HIGHEST), save=False)
            asked = TrialInfo(tried, seed=asked.seed)
        self._facade.tell(asked, value, save=False)

    def recommend(self) -> Point:
        """See `Peer`."""
        incumbent = self._facade.intensifier.get_incumbent()
        return self._best.point if incumbent is None else self._point(incumbent)

    def predict(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """See `Predicts`; the model's own scale is undone."""
        selector = self._facade._config_selector
        arrays = np.array([self._config(point).get_array() for point in points])
        mean, _ = selector._model.predict_marginalized(arrays)
        encoder = selector._runhistory_encoder
        least = encoder._min_y - (encoder._percentile - encoder._min_y)
        cost = np.exp(mean[:, 0]) * (encoder._max_y - least) + least
        return np.asarray(_HIGHEST - cost, float)

    def _config(self, point: Point) -> Configuration:
        row = self._space.rows([point])[0]
        values = {
            column.name: float(entry) if column.is_real else int(entry)
            for column, entry in zip(self._whole.columns, row, strict=True)
            if column.name in point
        }
        return Configuration(self._configs, values=values)

    def _point(self, config: Configuration) -> Point:
        row = np.array([[float(config.get(column.name, np.nan)) for column in self._whole.columns]])
        return self._space.points(row)[0]


def _config_space(layout: Layout, seed: int) -> ConfigurationSpace:
    space = ConfigurationSpace(seed=seed)
    space.add(*(_hyperparameter(column) for column in layout.columns))
    for column, parent in zip(layout.columns, layout.parents, strict=True):
        if parent is not None:
            space.add(_condition(space[column.name], space[layout.columns[parent.index].name], parent, layout))
    return space


def _hyperparameter(column: Column) -> Any:
    if column.is_categorical:
        return Categorical(column.name, list(range(len(column.values))))
    if column.is_real:
        return Float(column.name, (column.low, column.high), log=column.log)
    return Integer(column.name, (int(column.low), int(column.high)), log=column.log)


def _condition(child: Any, parent: Any, statement: Statement, layout: Layout) -> Any:
    column, condition = layout.columns[statement.index], statement.condition
    if column.is_categorical:
        codes = np.arange(len(column.values))
        return InCondition(child, parent, codes[statement.of(codes.astype(float))].tolist())
    return _NUMERIC[condition.operator](child, parent, condition.value)


_NUMERIC = {
    "equals": EqualsCondition,
    "not_equals": NotEqualsCondition,
    "in": lambda child, parent, values: InCondition(child, parent, list(values)),
    "greater_than": GreaterThanCondition,
    "less_than": LessThanCondition,
}


def _not_called(config: Configuration, seed: int = 0) -> float:
    raise NotImplementedError("trials are asked for and told, never run by the library")
