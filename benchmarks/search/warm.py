"""`python -m benchmarks.search.warm [--seeds N] [--write]`: what it gains, or costs, to learn from an earlier session.

On the tuning landscapes, a session of 60 trials begins with nothing, or with what one of as many trials found out:

- of the same target;
- of the same target by a space with a dimension fewer, which the new session adds;
- of one that has changed since: category names stand for one another (the fault that hurt one service hurts the next);
- of one where the opposite is true: the worst faults are harmless now, and the harmless ones the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.search.landscape import Landscape, Reading
from benchmarks.search.seeded import TRIALS, Floats, Read, main_of, played, regret
from benchmarks.search.tuning import TUNING
from benchmarks.table import Table
from boifi_core.models import Point
from boifi_core.optimizer import OptimizerCore
from boifi_core.optimizer.warm_start import Entry
from boifi_core.space import SearchSpace

SHOWN_AFTER = (10, 20, 30, 60)
_EARLIER = 1000
"""Added to the seed of an earlier session, so that it differs from the one that learns from it."""


@dataclass(frozen=True)
class Earlier:
    """An earlier session: the space that it searched, and what it read there."""

    space: SearchSpace
    read: Read


def same(landscape: Landscape) -> Earlier:
    """Nothing has changed."""
    return Earlier(landscape.space, landscape.read)


def narrower(landscape: Landscape) -> Earlier:
    """One dimension had always the same value, and was not searched; nor were there constraints."""
    data = landscape.space.dump()
    ruling = _ruling(data)
    gone = next(d for d in data["dimensions"][1:] if d["name"] not in ruling and "condition" not in d)
    kept = {"dimensions": [d for d in data["dimensions"] if d is not gone], "fixed": data.get("fixed", {})}
    value = landscape.optimum_at[gone["name"]]
    return Earlier(SearchSpace.parse(kept), lambda point, rng: landscape.read({**point, gone["name"]: value}, rng))


def changed(landscape: Landscape) -> Earlier:
    """Each category stood for what the next one is now, in every dimension that no other depends on.

    Where there is no such dimension, numbers counted from the other end.
    """
    data = landscape.space.dump()
    ruling = _ruling(data)
    turned = {
        d["name"]: dict(zip(d["values"], [*d["values"][1:], d["values"][0]], strict=True))
        for d in data["dimensions"]
        if d["type"] == "categorical" and d["name"] not in ruling
    }

    def read(point: Point, rng: np.random.Generator) -> Reading:
        if not turned:
            return landscape.read(_mirrored(landscape.space, point), rng)
        now = {name: turned[name][value] if name in turned else value for name, value in point.items()}
        return landscape.read(now, rng)

    return Earlier(landscape.space, read)


def opposite(landscape: Landscape) -> Earlier:
    """The worst was harmless, the harmless the worst; signals would give it away."""
    return Earlier(landscape.space, lambda point, rng: Reading(10.0 - landscape.read(point, rng).severity))


KINDS: Mapping[str, Callable[[Landscape], Earlier] | None] = {
    "nothing": None,
    "the same target": same,
    "a dimension fewer": narrower,
    "a changed target": changed,
    "the opposite": opposite,
}


def measure(
    seeds: int = 8, landscapes: Sequence[int] = range(len(TUNING)), trials: int = TRIALS, jobs: int = 1
) -> list[Table]:
    """One row for each of these landscapes and each kind of past, and the means over all landscapes."""
    shown = [n for n in SHOWN_AFTER if n <= trials]
    cells = [(number, kind) for number in landscapes for kind in KINDS]
    with ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(partial(_cell, seeds=seeds, trials=trials), cells))
    regrets = {(TUNING[number].name, kind): regret for (number, kind), regret in zip(cells, found, strict=True)}
    means = {kind: np.mean([regrets[TUNING[number].name, kind] for number in landscapes], axis=0) for kind in KINDS}
    rows = [("all", kind, *(f"{means[kind][n - 1]:.2f}" for n in shown)) for kind in KINDS]
    rows += [(name, kind, *(f"{regret[n - 1]:.2f}" for n in shown)) for (name, kind), regret in regrets.items()]
    title = f"Mean regret of the recommended fault after so many trials, {seeds} seeds, by what was learnt from"
    return [Table(title, ("landscape", "past", *(f"{n} trials" for n in shown)), tuple(rows))]


def _cell(cell: tuple[int, str], seeds: int, trials: int) -> Floats:
    """The mean over seeds, after each trial."""
    number, kind = cell
    with threadpool_limits(1):
        return np.mean([_regrets(TUNING[number], kind, seed, trials) for seed in range(seeds)], axis=0)


def _regrets(landscape: Landscape, kind: str, seed: int, trials: int) -> Floats:
    """What the recommended fault falls short of the worst one, after each trial."""
    make = KINDS[kind]
    past = [] if make is None else list(_entries(make(landscape), landscape, seed + _EARLIER, trials))
    core = OptimizerCore(landscape.space, random_state=seed, past=past)
    return np.array([regret(core, landscape) for _ in played(core, landscape.read, landscape, seed, trials)])


def _entries(earlier: Earlier, landscape: Landscape, seed: int, trials: int) -> Iterator[Entry]:
    core = OptimizerCore(earlier.space, random_state=seed)
    for point, reading in played(core, earlier.read, landscape, seed, trials):
        yield point, reading.severity, reading.signals


def _mirrored(space: SearchSpace, point: Point) -> Point:
    rows = space.rows([point])
    for index, column in enumerate(space.layout.columns):
        if not column.is_categorical and not np.isnan(rows[0, index]):
            rows[:, index] = column.nearest(1 - column.to_unit(rows[:, index]))
    return space.points(rows)[0]


def _ruling(data: Mapping[str, Any]) -> set[str]:
    """The dimensions that others depend on."""
    return {d["condition"]["field"] for d in data["dimensions"] if "condition" in d}


if __name__ == "__main__":
    main_of("warm", __doc__, measure)
