"""What the benchmarks share that run BOIFI's own optimizer with several seeds and print their means."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import document
from benchmarks.search.landscape import Landscape, Reading
from benchmarks.search.trials import noise
from benchmarks.table import Table, show, terminal
from boifi_core.models import Point
from boifi_core.optimizer import OptimizerCore

TRIALS = 60

Floats = np.ndarray[Any, np.dtype[np.float64]]
Read = Callable[[Point, np.random.Generator], Reading]


def played(
    core: OptimizerCore, read: Read, landscape: Landscape, seed: int, trials: int
) -> Iterator[tuple[Point, Reading]]:
    """Let the optimizer search, by readings that are as noisy as those of this landscape; each trial, once learnt."""
    for number in range(trials):
        point = core.propose()
        reading = read(point, noise(landscape, seed, number))
        core.record(point, reading.severity, reading.signals)
        yield point, reading


def regret(core: OptimizerCore, landscape: Landscape) -> float:
    """What the recommended fault falls short of the worst one."""
    best = core.best_point
    assert best is not None
    return landscape.optimum - landscape.truth(best[0])


def main_of(name: str, about: str | None, measure: Callable[..., list[Table]]) -> None:
    """Measure and print, and with `--write` put the tables into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.search.{name}", description=about)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2, help="processes beside each other")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    given = parser.parse_args()
    measured = document.machine()
    tables = measure(given.seeds, jobs=given.jobs)
    show(tables, terminal())
    if given.write:
        document.write(name, tables, measured)
