"""Simulated service applications with planted weaknesses, and how many of them a search brings out.

It is meant as an honest test of the search: whoever wrote it had not read that. Tune on the first applications, and
look at others only when that is done: `python -m benchmarks applications --first 1001`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.applications import kept
from benchmarks.applications.kept import Came, Key
from benchmarks.applications.peers import PEERS
from benchmarks.applications.run import came_of
from benchmarks.objectives import SHARES
from benchmarks.table import Table

SIZES = (6, 15, 30)
"""Services of the applications that are measured."""

BUDGETS = (30, 60, 100, 150)
"""Trials."""

APPLICATIONS = 6
"""Of each size."""

OF_SESSIONS = 1
"""Of so many of each size BOIFI's sessions are made: one takes minutes, since each budget is a session of its own."""

Runs = Mapping[Key, Came]


def measure(
    *,
    first: int = 1,
    sizes: Sequence[int] = SIZES,
    applications: int = APPLICATIONS,
    of_sessions: int = OF_SESSIONS,
    budgets: Sequence[int] = BUDGETS,
    file: Path = kept.FILE,
) -> list[Table]:
    """The share of the planted weaknesses that each search brings out, by number of services and of trials.

    Args:
        first: the seed of the first application of each size; the others follow it.
        of_sessions: of how many applications of each size sessions are made, with each objective.
        file: what is kept of runs, which are not made again.
    """
    seeds = range(first, first + applications)
    peers = [
        Key(application=seed, services=size, search=peer, seed=seed, trials=max(budgets))
        for peer in PEERS
        for size in sizes
        for seed in seeds
    ]
    sessions = [
        Key(application=seed, services=size, search=f"BOIFI {objective}", seed=seed, trials=trials)
        for objective in SHARES
        for size in sizes
        for seed in seeds[:of_sessions]
        for trials in budgets
    ]
    runs = {key: _came(key, file) for key in (*peers, *sessions)}
    return tables(runs, sizes, budgets)


def tables(runs: Runs, sizes: Sequence[int], budgets: Sequence[int]) -> list[Table]:
    """All applications for those that were tried on all; those of BOIFI's sessions beside them; by kind; by mode."""
    of_sessions = {(key.application, key.services) for key in runs if key.search.startswith("BOIFI")}
    found = [_shares("Weaknesses brought out", {key: runs[key] for key in runs if key.search in PEERS}, sizes, budgets)]
    if of_sessions:
        same = {key: came for key, came in runs.items() if (key.application, key.services) in of_sessions}
        found += [_shares("The same, on the applications of BOIFI's sessions", same, sizes, budgets)]
        found += [_modes(same, max(key.trials for key in same if key.search not in PEERS))]
    return [*found, _kinds(runs, max(budgets))]


def _came(key: Key, file: Path) -> Came:
    known = kept.of(key, file)
    if known is not None:
        return known
    print(f"  {key.services} services, application {key.application}, {key.search}: {key.trials} trials", flush=True)
    return kept.add(key, came_of(key), file)


def _shares(title: str, runs: Runs, sizes: Sequence[int], budgets: Sequence[int]) -> Table:
    rows = []
    for size in sizes:
        of_size = {key: came for key, came in runs.items() if key.services == size}
        for search in dict.fromkeys(key.search for key in of_size):
            mine = {key: came for key, came in of_size.items() if key.search == search}
            seeds = {key.application for key in mine}
            planted = sum({key.application: len(came.planted) for key, came in mine.items()}.values())
            shares = [_spread([_share(came, budget) for came in _at(mine, budget)]) for budget in budgets]
            rows.append((str(size), str(len(seeds)), str(planted), search, *shares))
    heads = ("services", "applications", "weaknesses", "search", *(f"{budget} trials" for budget in budgets))
    return Table(title, heads, tuple(rows))


def _at(runs: Runs, budget: int) -> list[Came]:
    """A peer's longer run begins as a shorter one would; a session's does not."""
    return [came for key, came in runs.items() if key.search in PEERS or key.trials == budget]


def _share(came: Came, budget: int) -> float:
    return sum(trial <= budget for trial in came.first.values()) / max(1, len(came.planted))


def _spread(shares: Sequence[float]) -> str:
    if not shares:
        return ""
    error = f" ± {np.std(shares, ddof=1) / np.sqrt(len(shares)):.0%}" if len(shares) > 1 else ""
    return f"{np.mean(shares):.0%}{error}"


def _kinds(runs: Runs, trials: int) -> Table:
    searches = list(dict.fromkeys(key.search for key in runs))
    kinds = sorted({kind for came in runs.values() for kind in came.planted.values()})
    rows = tuple(
        (kind.replace("_", " "), *(_of_kind(runs, search, kind, trials) for search in searches)) for kind in kinds
    )
    return Table(f"By kind of weakness, after {trials} trials", ("kind", *searches), rows)


def _of_kind(runs: Runs, search: str, kind: str, trials: int) -> str:
    mine = [came for key, came in runs.items() if key.search == search and key.trials == trials]
    planted = [(came, each) for came in mine for each, its in came.planted.items() if its == kind]
    return f"{sum(each in came.first for came, each in planted)} of {len(planted)}" if planted else ""


def _modes(runs: Runs, trials: int) -> Table:
    rows = []
    for search in dict.fromkeys(key.search for key in runs if key.search not in PEERS):
        mine = [came for key, came in runs.items() if key.search == search and key.trials == trials]
        told = [came.modes for came in mine if came.modes is not None]
        counts: tuple[Callable[[Came], int], ...] = (lambda came: len(came.planted), lambda came: len(came.first))
        numbers = [sum(map(count, mine)) for count in counts]
        numbers += [sum(len(getattr(each, name)) for each in told) for name in ("own", "confirmed", "split")]
        rows.append((search, *map(str, (*numbers, sum(each.modes for each in told)))))
    heads = (
        "search",
        "planted",
        "brought out",
        "a mode of their own",
        "confirmed",
        "with a second mode",
        "modes in all",
    )
    return Table(f"What sessions of {trials} trials told of them", heads, tuple(rows))
