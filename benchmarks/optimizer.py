"""What a proposal and a record cost, beside scikit-optimize on the same machine in the same minutes."""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.spaces import severity, space_of
from benchmarks.table import Table, spread
from boifi_core.models import Point
from boifi_core.optimizer import OptimizerCore
from boifi_core.space import SearchSpace
from boifi_core.space.skopt_dimensions import to_skopt

COLD_MS, WARM_MS, RECORD_MS = 50.0, 20.0, 60.0
"""What is aimed at; the last one up to 200 trials."""

_INITIAL_POINTS = 10
_ROUNDS = 3

Times = dict[str, list[float]]


class Contender(Protocol):
    """An optimizer that has learnt from some trials."""

    def propose(self) -> Any: ...

    def record(self, proposed: Any) -> None: ...


class Ours:
    """`OptimizerCore` as a session uses it."""

    def __init__(self, space: SearchSpace, seed: int, points: Sequence[Point]) -> None:
        self._core = OptimizerCore(space, "ei", random_state=seed, initial_points=_INITIAL_POINTS)
        self._core.load((point, severity(point), None) for point in points)

    def propose(self) -> Point:
        return self._core.propose()

    def record(self, proposed: Point) -> None:
        self._core.record(proposed, severity(proposed))


class Skopt:
    """`skopt.Optimizer`; it knows no conditions, so every dimension is always there."""

    def __init__(self, estimator: str, space: SearchSpace, seed: int, points: Sequence[Point]) -> None:
        from skopt import Optimizer

        self._names = [dimension.name for dimension in space.dimensions]
        self._least = [dimension.values[0] if dimension.values else dimension.low for dimension in space.dimensions]
        self._optimizer = Optimizer(
            [to_skopt(dimension) for dimension in space.dimensions],
            base_estimator=estimator,
            n_initial_points=_INITIAL_POINTS,
            acq_func="EI",
            random_state=seed,
            n_jobs=1,
        )
        known = [self._filled(point) for point in points]
        self._optimizer.tell(known, [self._loss(values) for values in known])

    def propose(self) -> list[Any]:
        return self._optimizer.ask()  # type: ignore[no-any-return]

    def record(self, proposed: list[Any]) -> None:
        self._optimizer.tell(proposed, self._loss(proposed))

    def _filled(self, point: Point) -> list[Any]:
        return [point.get(name, least) for name, least in zip(self._names, self._least, strict=True)]

    def _loss(self, values: list[Any]) -> float:
        return -severity(dict(zip(self._names, values, strict=True)))


CONTENDERS: dict[str, Callable[[SearchSpace, int, Sequence[Point]], Contender]] = {
    "BOIFI": Ours,
    "skopt RF": lambda space, seed, points: Skopt("RF", space, seed, points),
    "skopt ET": lambda space, seed, points: Skopt("ET", space, seed, points),
}


def measure(
    dimensions: Sequence[int] = (5, 20), trials: Sequence[int] = (20, 100, 200), repeats: int = 8
) -> list[Table]:
    """One row for each number of dimensions, number of trials and optimizer."""
    rows = []
    with threadpool_limits(1), warnings.catch_warnings():
        # Deprecations inside scikit-optimize, and its notes on points that it proposes again.
        warnings.simplefilter("ignore")
        for width in dimensions:
            for n in trials:
                rows += _rows(width, n, _times(space_of(width), n, repeats))
    title = f"Optimizer, ms: median / p95; aims: propose < {COLD_MS:g} cold, < {WARM_MS:g} warm, record < {RECORD_MS:g}"
    head = ("dim.", "trials", "optimizer", "propose cold", "propose warm", "record", "record + propose", "× BOIFI")
    return [Table(title, head, tuple(rows))]


def _times(space: SearchSpace, n: int, repeats: int) -> dict[str, Times]:
    """Milliseconds of each step by contender; they take turns, so that a busy moment strikes all."""
    times: dict[str, Times] = {name: defaultdict(list) for name in CONTENDERS}
    for seed in range(repeats):
        points = space.sample(np.random.default_rng(seed), n)
        for name, make in CONTENDERS.items():
            _one_session(make(space, seed, points), times[name])
    return times


def _one_session(contender: Contender, times: Times) -> None:
    proposed, cold_ms = _timed(contender.propose)
    times["cold"].append(cold_ms)
    for _ in range(_ROUNDS):
        _, record_ms = _timed(partial(contender.record, proposed))
        proposed, warm_ms = _timed(contender.propose)
        times["record"].append(record_ms)
        times["warm"].append(warm_ms)
        times["both"].append(record_ms + warm_ms)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = call()
    return result, (time.perf_counter() - started) * 1000


def _rows(width: int, n: int, times: dict[str, Times]) -> list[tuple[str, ...]]:
    ours_ms = float(np.median(times["BOIFI"]["both"]))
    rows = []
    for name, of in times.items():
        aims = (COLD_MS, WARM_MS, RECORD_MS) if name == "BOIFI" else (None, None, None)
        steps = [spread(of[step], aim) for step, aim in zip(("cold", "warm", "record"), aims, strict=True)]
        ratio = "" if name == "BOIFI" else f"{np.median(of['both']) / ours_ms:.1f}"
        rows.append((str(width), str(n), name, *steps, spread(of["both"]), ratio))
    return rows
