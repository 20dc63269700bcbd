"""The runs as tables: held-out landscapes first, wins and losses alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.search.figures import (
    AFTER,
    MODES_AFTER,
    NEAR,
    Figures,
    Landscapes,
    Mean,
    figures_of,
    modes_by_landscape,
    modes_met,
    over_landscapes,
    regret,
    regret_by_landscape,
)
from benchmarks.search.peers import BY_OBJECTIVE, OTHERS, OURS
from benchmarks.search.ranks import Block, Duel, Ranking, Regrets, duels, ranking
from benchmarks.search.results import Result
from benchmarks.table import Table

BOIFI = next(iter(OURS))
CHANCE = "random"

JUDGED = AFTER[1:]
"""Trials after which peers are ranked and tested against each other."""

_NOISE = 2.0
"""Standard errors that a difference must exceed to be called one."""

Runs = Mapping[str, Sequence[Result]]
"""By peer, in the order in which they are shown; none without a run."""


@dataclass(frozen=True)
class Half:
    """Landscapes that are reported together."""

    title: str
    landscapes: Landscapes

    def runs(self, runs: Runs) -> dict[str, list[Result]]:
        """The runs on these landscapes, without peers that have none."""
        found = {peer: [run for run in of if run.landscape in self.landscapes] for peer, of in runs.items()}
        return {peer: of for peer, of in found.items() if of}

    def regrets(self, runs: Runs, after: int) -> Regrets:
        """By peer, landscape and seed."""
        return {
            peer: {run.key: regret(run, self.landscapes[run.landscape].optimum, after) for run in of}
            for peer, of in runs.items()
        }


def tables(half: Half, runs: Runs) -> list[Table]:
    """All that is told of one half; nothing where there are no runs."""
    mine = half.runs(runs)
    if not mine:
        return []
    told = [_summary(half, mine), _modes(half, mine)]
    others = {peer: of for peer, of in mine.items() if peer in OTHERS}
    told += [_modes_tests(half, peer, {peer: mine[peer], **others}) for peer in BY_OBJECTIVE if peer in mine and others]
    told += [_ranks(half, mine), _by_landscape(half, mine)]
    if BOIFI in mine and others:
        told += [_against_best(half, mine[BOIFI], others), _tests(half, {BOIFI: mine[BOIFI], **others})]
    return told


def _summary(half: Half, runs: Runs) -> Table:
    head = (
        "search", "runs", *(f"regret at {after}" for after in AFTER), f"trials to {NEAR:.0%}", "met", "named",
        "propose ms", "record ms", "R² smooth", "R² others",
    )  # fmt: skip
    rows = [(peer, _runs(half, of), *_cells(figures_of(of, half.landscapes))) for peer, of in runs.items()]
    return Table(f"{half.title}: means over landscapes", head, tuple(rows))


def _runs(half: Half, runs: Sequence[Result]) -> str:
    """How many, and what is missing in them."""
    told, there = [str(len(runs))], {run.landscape for run in runs}
    if len(there) < len(half.landscapes):
        told.append(f"on {len(there)} landscapes only")
    if failed := sum(run.failed is not None for run in runs):
        told.append(f"{failed} ended early")
    return ", ".join(told)


def _cells(figures: Figures) -> tuple[str, ...]:
    median = f"{figures.median_trials:.0f}" if math.isfinite(figures.median_trials) else f"> {AFTER[-1]}"
    times = (f"{p50:.1f} / {p95:.1f}" for p50, p95 in (figures.propose_ms, figures.record_ms))
    return (
        *(_plus_minus(mean) for mean in figures.regret.values()),
        median,
        f"{figures.met:.0%}",
        f"{figures.named:.0%}",
        *times,
        *("" if math.isnan(r2) else f"{r2:.2f}" for r2 in figures.r2),
    )


def _modes(half: Half, runs: Runs) -> Table:
    rows = []
    by_chance = [_modes_mean(half, runs.get(CHANCE, ()), after) for after in MODES_AFTER]
    for peer, of in runs.items():
        means = [_modes_mean(half, of, after) for after in MODES_AFTER]
        cells = ["–" if mean is None else _plus_minus(mean) for mean in means]
        times = ["" if peer == CHANCE else _times(*pair) for pair in zip(means, by_chance, strict=True)]
        rows.append((peer, _runs(half, of), *cells, *times))
    head = ("search", "runs", *(f"{n} trials" for n in MODES_AFTER), *(f"× {CHANCE}'s, {n}" for n in MODES_AFTER))
    of_all = sum(len(landscape.modes) for landscape in half.landscapes.values()) / len(half.landscapes)
    return Table(
        f"{half.title}: distinct failures met, of {of_all:.1f} that there are, means over landscapes", head, tuple(rows)
    )


def _times(mean: Mean | None, base: Mean | None) -> str:
    return f"{mean.value / base.value:.2f}" if mean is not None and base is not None and base.value > 0 else ""


def _modes_mean(half: Half, runs: Sequence[Result], after: int) -> Mean | None:
    """None where there are no runs of so many trials, or not of every landscape."""
    found = modes_by_landscape(runs, half.landscapes, after)
    return over_landscapes(found) if len(found) == len(half.landscapes) else None


def _modes_tests(half: Half, ours: str, runs: Runs) -> Table:
    """Against each peer that has runs of so many trials."""
    tests = {after: duels(_fewer(runs, after), ours) for after in MODES_AFTER}
    rows = []
    for peer in runs:
        if peer != ours:
            cells = [_duel(duel and duel.reversed) for duel in (tests[after].get(peer) for after in MODES_AFTER)]
            rows.append((peer, *(cell for of_one in cells for cell in of_one)))
    head = ("peer", *(f"{what} at {after}" for after in MODES_AFTER for what in ("difference", "more / fewer", "p")))
    return Table(
        f"{half.title}: distinct failures that {ours} met, less each peer's (Wilcoxon, Holm)", head, tuple(rows)
    )


def _fewer(runs: Runs, after: int) -> dict[str, dict[Block, float]]:
    """How many failures were met, negative, so that less is better; without the runs that are too short."""
    met = {peer: {run.key: modes_met(run, after) for run in of} for peer, of in runs.items()}
    return {peer: {key: -float(n) for key, n in of.items() if n is not None} for peer, of in met.items()}


def _ranks(half: Half, runs: Runs) -> Table:
    """BOIFI's other forms are left out: near copies of one peer would push all others apart."""
    ranked = {peer: of for peer, of in runs.items() if peer == BOIFI or peer in OTHERS}
    most = max(len(of) for of in ranked.values())
    quick = {peer: of for peer, of in ranked.items() if len(of) == most}
    groups = [(quick, "peers with all seeds")] if quick != ranked else []
    columns: dict[str, Ranking] = {}
    for some, title in (*groups, (ranked, "all peers")):
        for after in JUDGED:
            found = ranking(half.regrets(some, after))
            columns[f"at {after}, {title}, {found.blocks} blocks"] = found
    rows = [(peer, *(_rank(found.mean_rank.get(peer)) for found in columns.values())) for peer in ranked]
    rows.append(("Friedman's p", *(_p(found.friedman_p) for found in columns.values())))
    return Table(f"{half.title}: mean rank over landscapes and seeds", ("search", *columns), tuple(rows))


def _by_landscape(half: Half, runs: Runs) -> Table:
    rows = []
    for peer, of in runs.items():
        by_trials = [regret_by_landscape(of, half.landscapes, after) for after in AFTER]
        cells = (
            " / ".join(f"{found[name].value:.1f}" for found in by_trials if name in found) for name in half.landscapes
        )
        rows.append((peer, *(cell or "–" for cell in cells)))
    title = f"{half.title}: regret at {' / '.join(map(str, AFTER))} on each landscape"
    return Table(title, ("search", *half.landscapes), tuple(rows))


def _against_best(half: Half, ours: Sequence[Result], others: Runs) -> Table:
    rows = []
    for name in half.landscapes:
        cells = [_beside_best(half, name, ours, others, after) for after in JUDGED]
        rows.append((name, *(cell for of_one in cells for cell in of_one)))
    head = ("landscape", *(f"{what} at {after}" for after in JUDGED for what in ("BOIFI", "best peer", "difference")))
    return Table(f"{half.title}: BOIFI beside the best peer of each landscape", head, tuple(rows))


def _beside_best(half: Half, name: str, ours: Sequence[Result], others: Runs, after: int) -> tuple[str, str, str]:
    means = {
        peer: found[name]
        for peer, of in others.items()
        if name in (found := regret_by_landscape(of, half.landscapes, after))
    }
    mine = regret_by_landscape(ours, half.landscapes, after).get(name)
    if mine is None or not means:
        return "–", "–", "–"
    best = min(means, key=lambda peer: means[peer].value)
    return f"{mine.value:.2f}", f"{best} {means[best].value:.2f}", _difference(mine, means[best])


def _difference(mine: Mean, best: Mean) -> str:
    apart, error = mine.value - best.value, math.hypot(mine.error, best.error)
    if math.isnan(error):
        return f"{apart:+.2f}, too few seeds"
    word = "equal" if abs(apart) <= _NOISE * error else "better" if apart < 0 else "worse"
    return f"{apart:+.2f} ± {error:.2f} {word}"


def _tests(half: Half, runs: Runs) -> Table:
    found = {after: duels(half.regrets(runs, after), BOIFI) for after in JUDGED}
    rows = [
        (peer, *(cell for after in JUDGED for cell in _duel(found[after].get(peer)))) for peer in runs if peer != BOIFI
    ]
    head = ("peer", *(f"{what} at {after}" for after in JUDGED for what in ("difference", "better / worse", "p")))
    return Table(f"{half.title}: BOIFI's regret minus each peer's (Wilcoxon, Holm)", head, tuple(rows))


def _duel(duel: Duel | None) -> tuple[str, str, str]:
    if duel is None:
        return "–", "–", "–"
    return f"{duel.difference:+.2f}", f"{duel.wins} / {duel.losses} of {duel.blocks}", _p(duel.holm_p)


def _plus_minus(mean: Mean) -> str:
    return f"{mean.value:.2f}" if math.isnan(mean.error) else f"{mean.value:.2f} ± {mean.error:.2f}"


def _rank(rank: float | None) -> str:
    return "" if rank is None or math.isnan(rank) else f"{rank:.2f}"


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def measured_on(runs: Runs) -> str:
    """What the figures come from: how many runs, how many seeds each, with which versions."""
    every = [run for of in runs.values() for run in of]
    seeds = {peer: len({run.seed for run in of}) for peer, of in runs.items()}
    most = max(seeds.values())
    fewer = ", ".join(f"{peer} {count}" for peer, count in seeds.items() if count < most)
    versions = {name: found for run in every for name, found in run.versions.items()}
    lengths = sorted({run.trials for run in every})
    told = [
        f"in {len(every)} runs of {' or '.join(map(str, lengths))} trials",
        f"{most} seeds" + (f" (slow ones fewer: {fewer})" if fewer else ""),
        ", ".join(f"{name} {found}" for name, found in sorted(versions.items())),
    ]
    return "; ".join(told)
