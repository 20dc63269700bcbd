"""Which runs are to be made, and making them, in processes of their own; runs that are there already are left out."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread

from benchmarks.search.fingerprint import fingerprint
from benchmarks.search.landscape import Landscape
from benchmarks.search.landscapes import is_held_out
from benchmarks.search.landscapes import landscape as landscape_named
from benchmarks.search.peers import PEERS
from benchmarks.search.results import Result, Store, result_of
from benchmarks.search.trials import Exam, exam_of, run

LIMIT_S = 15 * 60
"""How much processor time one run may take."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Unit:
    """One run to be made."""

    landscape: str
    peer: str
    seed: int
    trials: int

    @property
    def code(self) -> str:
        """The hash of what it depends on."""
        return fingerprint(self.landscape, self.peer)


def planned(
    peers: Sequence[str], landscapes: Sequence[str], seeds: int | None = None, trials: int | None = None
) -> list[Unit]:
    """All runs, a seed of every landscape of a peer before its next seed.

    Args:
        seeds: instead of each peer's own number.
        trials: instead of each peer's own length of a run.
    """
    return [
        Unit(landscape, peer, seed, PEERS[peer].trials if trials is None else trials)
        for peer in peers
        for seed in range(PEERS[peer].seeds if seeds is None else seeds)
        for landscape in landscapes
        if PEERS[peer].is_tuned or is_held_out(landscape)
    ]


def is_done(unit: Unit, kept: Result | None) -> bool:
    """Whether `kept` has what the unit would give: the same code, and no fewer trials."""
    return kept is not None and kept.trials >= unit.trials and kept.code == unit.code


def left(units: Iterable[Unit], store: Store) -> list[Unit]:
    """The units that `store` does not have yet."""
    kept: dict[str, dict[tuple[str, int], Result]] = {}
    open_units = []
    for unit in units:
        if unit.peer not in kept:
            kept[unit.peer] = store.of(unit.peer)
        if not is_done(unit, kept[unit.peer].get((unit.landscape, unit.seed))):
            open_units.append(unit)
    return open_units


def measure(unit: Unit, code: str) -> Result:
    """Make one run, in this process; `code` is the unit's, from before there was time to change any."""
    landscape, exam = _landscape(unit.landscape)
    kind = PEERS[unit.peer]
    started = time.process_time()
    course = run(landscape, exam, kind.make, unit.seed, unit.trials, LIMIT_S)
    return result_of(
        course,
        landscape=unit.landscape,
        peer=unit.peer,
        seed=unit.seed,
        trials=unit.trials,
        code=code,
        seconds=round(time.process_time() - started, 1),
        versions={"python": platform.python_version(), "numpy": version("numpy"), **kind.versions},
    )


def run_all(units: Sequence[Unit], store: Store, jobs: int, tell: Callable[[Result, int], None]) -> None:
    """Make the runs, `jobs` at once, and keep each as soon as it is made.

    Args:
        tell: called with each result and how many are left.
    """
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start_worker) as pool:
        waiting = {pool.submit(measure, unit, unit.code) for unit in units}
        for number, done in enumerate(as_completed(waiting), 1):
            result = done.result()
            store.add(result)
            tell(result, len(units) - number)
    for peer in {unit.peer for unit in units}:
        store.tidy(peer)


@cache
def _landscape(name: str) -> tuple[Landscape, Exam]:
    landscape = landscape_named(name)
    return landscape, exam_of(landscape)


def _start_worker() -> None:
    """One thread for the libraries, and an end with the process that wants the results, however that ends."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()
    # Torch would take its number from the environment too, but not in each of its pools.
    with suppress(ImportError):
        import torch

        torch.set_num_threads(1)


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
