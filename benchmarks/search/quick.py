"""A few runs made again, beside the figures that are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.search import run
from benchmarks.search.figures import AFTER, Mean, over_landscapes, regret_by_landscape
from benchmarks.search.peers import PEERS
from benchmarks.search.report import Half, Runs
from benchmarks.search.run import Unit
from benchmarks.table import Table

SEEDS = 2
"""Of each quick peer on each landscape, half as many of a slow one; with two jobs they take less than 20 minutes."""

_NOISE = 2.0


def planned(peers: Sequence[str], landscapes: Sequence[str]) -> list[Unit]:
    """The runs to be made; a peer is slow that gets fewer seeds than others when all is measured."""
    most = max(kind.seeds for kind in PEERS.values())
    units = run.planned(peers, landscapes, SEEDS)
    return [unit for unit in units if PEERS[unit.peer].seeds == most or 2 * unit.seed < SEEDS]


def compared(half: Half, fresh: Runs, kept: Runs) -> Table:
    """The regret of both, and whether they agree within noise."""
    before = half.runs(kept)
    rows = []
    for peer, runs in half.runs(fresh).items():
        cells: list[str] = []
        for after in AFTER:
            now = regret_by_landscape(runs, half.landscapes, after)
            then = regret_by_landscape(before.get(peer, []), half.landscapes, after)
            then = {name: mean for name, mean in then.items() if name in now}
            cells += _cells(over_landscapes(now), over_landscapes(then) if len(then) == len(now) else None)
        rows.append((peer, *cells))
    head = ("search", *(text for after in AFTER for text in (f"regret at {after}", "kept")))
    title = f"{half.title}: measured anew, beside the figures in the repository"
    return Table(title, head, tuple(rows))


def _cells(now: Mean, kept: Mean | None) -> list[str]:
    if kept is None:
        return [f"{now.value:.2f}", "not kept"]
    # The spread between seeds is known better from the runs that are kept, as there are more of them.
    noise = _NOISE * kept.error * math.sqrt(1 + kept.n / now.n)
    word = "" if math.isnan(noise) else " agrees" if abs(now.value - kept.value) <= noise else " differs"
    return [f"{now.value:.2f}", f"{kept.value:.2f}{word}"]
