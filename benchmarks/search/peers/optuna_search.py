"""Optuna's samplers by `ask` and `tell`: TPE with conditions as Optuna's users write them, GP without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import TrialState

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import Whole, WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column

optuna.logging.set_verbosity(optuna.logging.WARNING)

_SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "tpe-grouped": lambda seed: TPESampler(seed=seed, multivariate=True, group=True),
    "gp": lambda seed: GPSampler(seed=seed),
}


class OptunaSearch:
    """One study.

    TPE is asked dimension by dimension, and only for those that apply. The GP is asked for all at once, as it draws
    what not every trial has at random. Where a constraint is broken, the trial is marked as failed and the point that
    was tried in its place is added.
    """

    def __init__(self, space: SearchSpace, seed: int, sampler: Literal["tpe", "tpe-grouped", "gp"]) -> None:
        self._space = space
        self._whole = WholeSpace(space, seed)
        self._names = [column.name for column in self._whole.columns]
        self._domains = {column.name: _distribution(column) for column in self._whole.columns}
        made: BaseSampler = _SAMPLERS[sampler](seed)
        self._by_condition = not isinstance(made, GPSampler)
        self._study = optuna.create_study(direction="maximize", sampler=made)
        self._trial: optuna.Trial | None = None
        self._asked: Whole | None = None
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        if self._by_condition:
            self._trial = self._study.ask()
            suggested = self._suggested(self._trial)
        else:
            self._trial = self._study.ask(self._domains)
            suggested = dict(self._trial.params)
        # What was not suggested is ruled out by a condition, and so ignored.
        entries = [float(suggested.get(column.name, column.low)) for column in self._whole.columns]
        self._asked = self._whole.settled(entries)
        return self._asked.point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        assert self._trial is not None
        self._best.see(point, reading.severity)
        tried = dict(zip(self._names, self._asked.entries.tolist(), strict=True))
        wanted = [name for name in self._names if name in point or not self._by_condition]
        if self._trial.params == {name: tried[name] for name in wanted}:
            self._study.tell(self._trial, reading.severity)
            return
        self._study.tell(self._trial, state=TrialState.FAIL)
        domains = {name: self._domains[name] for name in wanted}
        params = {
            name: tried[name] if isinstance(domain, FloatDistribution) else int(tried[name])
            for name, domain in domains.items()
        }
        self._study.add_trial(optuna.trial.create_trial(params=params, distributions=domains, value=reading.severity))

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point

    def _suggested(self, trial: optuna.Trial) -> dict[str, float]:
        layout = self._space.layout
        chosen: dict[str, float] = {}
        for index in layout.order:
            parent = layout.parents[index]
            if parent is not None:
                name = self._names[parent.index]
                if name not in chosen or not parent.of(np.array([chosen[name]], float))[0]:
                    continue
            column = layout.columns[index]
            chosen[column.name] = _suggest(trial, column)
        return chosen


def _suggest(trial: optuna.Trial, column: Column) -> float:
    if column.is_categorical:
        return trial.suggest_categorical(column.name, range(len(column.values)))
    if column.is_real:
        return trial.suggest_float(column.name, column.low, column.high, log=column.log)
    return trial.suggest_int(column.name, int(column.low), int(column.high), log=column.log)


def _distribution(column: Column) -> BaseDistribution:
    if column.is_categorical:
        return CategoricalDistribution(range(len(column.values)))
    if column.is_real:
        return FloatDistribution(column.low, column.high, log=column.log)
    return IntDistribution(int(column.low), int(column.high), log=column.log)
