"""HEBO as it is by default: a warped Gaussian process with three acquisition functions at once; without conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from benchmarks.search.peers.whole import Whole, WholeSpace
from boifi_core.models import Point
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Column


class Hebo:
    """`HEBO`, which minimises, so it is told the severity with its sign changed; it takes chance from everybody's."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._whole = WholeSpace(space, seed)
        self._searched = [column for column in self._whole.columns if column.high > column.low]
        np.random.seed(seed)  # the library draws from there
        torch.manual_seed(seed)
        self._search = HEBO(DesignSpace().parse([_parameter(column) for column in self._searched]), scramble_seed=seed)
        self._asked: Whole | None = None
        self._suggested: Any = None
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        self._suggested = self._search.suggest(1)
        told = self._suggested.iloc[0]
        entries = [float(told.get(column.name, column.low)) for column in self._whole.columns]
        # A logarithm and back may end just beyond a bound.
        bounded = [min(max(x, column.low), column.high) for x, column in zip(entries, self._whole.columns, strict=True)]
        self._asked = self._whole.settled(bounded)
        return self._asked.point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        self._best.see(point, reading.severity)
        tried = dict(zip((column.name for column in self._whole.columns), self._asked.entries.tolist(), strict=True))
        row = self._suggested.copy()
        for column in self._searched:
            row[column.name] = [tried[column.name] if column.is_real else int(tried[column.name])]
        self._search.observe(row, np.array([[-reading.severity]]))

    def recommend(self) -> Point:
        """See `Peer`."""
        return self._best.point


def _parameter(column: Column) -> dict[str, Any]:
    if column.is_categorical:
        return {"name": column.name, "type": "cat", "categories": list(range(len(column.values)))}
    kind = ("pow" if column.log else "num") if column.is_real else ("pow_int" if column.log else "int")
    if kind == "int":
        return {"name": column.name, "type": kind, "lb": int(column.low), "ub": int(column.high)}
    return {"name": column.name, "type": kind, "lb": column.low, "ub": column.high, "base": 10}
