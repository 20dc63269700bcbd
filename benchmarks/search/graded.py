"""`python -m benchmarks.search.graded [--seeds N] [--write]`: what scores without steps do to the search.

On the simulated meshes of the tuning half, a session is told the plan's severities or graded ones of the same windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.search.landscape import Landscape, Reading
from benchmarks.search.seeded import TRIALS, Floats, main_of, played, regret
from benchmarks.search.tuning import TUNING
from benchmarks.table import Table
from boifi_core.analyzer.config import DEFAULT_WEIGHTS
from boifi_core.analyzer.scorers.graded import GradedBugScorer, GradedPerformanceScorer
from boifi_core.models import Point, RawObservation
from boifi_core.optimizer import OptimizerCore

SHOWN_AFTER = (30, 60)
MESHES = tuple(landscape for landscape in TUNING if landscape.kind == "mesh")
PROFILES = ("plan", "graded")


def regraded(reading: Reading, limits_ms: tuple[float, float]) -> Reading:
    """The same window, its bug and performance score without steps; its structure score is the plan's.

    Args:
        limits_ms: what latency is normal, and what just acceptable.
    """
    seen = reading.signals
    window = RawObservation(
        timestamp=datetime.now(UTC),
        latency_ms=seen["latency_ms"],
        error_rate=seen["error_rate"],
        # The plan gives 6 for a line in the log alone; with more failures it does not say whether there was one.
        logs=("ERROR",) if seen["bug_score"] == 6.0 else (),
    )
    scores = {
        "bug_score": GradedBugScorer().score(window),
        "performance_score": GradedPerformanceScorer(*limits_ms).score(window),
        "structure_score": seen["structure_score"],
    }
    weights = dict(
        zip(scores, (DEFAULT_WEIGHTS["bug"], DEFAULT_WEIGHTS["perf"], DEFAULT_WEIGHTS["struct"]), strict=True)
    )
    total = sum(weights[name] * score for name, score in scores.items()) / sum(weights.values())
    return Reading(total, {**seen, **scores})


def measure(
    seeds: int = 8, landscapes: Sequence[Landscape] = MESHES, trials: int = TRIALS, jobs: int = 1
) -> list[Table]:
    """One row for each of these landscapes and each profile, and the means over all landscapes."""
    cells = [(TUNING.index(landscape), profile) for landscape in landscapes for profile in PROFILES]
    with ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(partial(_cell, seeds=seeds, trials=trials), cells))
    by_cell = dict(zip(cells, found, strict=True))
    rows = [("all", profile, *_cells([by_cell[cell] for cell in cells if cell[1] == profile])) for profile in PROFILES]
    rows += [(TUNING[number].name, profile, *_cells([by_cell[number, profile]])) for number, profile in cells]
    pairs = [(by_cell[number, "plan"], by_cell[number, "graded"]) for number, profile in cells if profile == "plan"]
    rows.insert(len(PROFILES), ("all", "graded less plan", *_differences(pairs)))
    shown = [n for n in SHOWN_AFTER if n <= trials]
    head = ("landscape", "profile", *(f"regret after {n}" for n in shown), *(f"failures after {n}" for n in shown))
    title = f"Plan's severity that the recommended fault falls short by, and distinct failures met, {seeds} seeds"
    return [Table(title, head, tuple(rows))]


def _cells(found: Sequence[Mapping[str, Floats]]) -> list[str]:
    regret, modes = (np.mean([each[name] for each in found], axis=(0, 1)) for name in ("regret", "modes"))
    shown = [n for n in SHOWN_AFTER if n <= len(regret)]
    return [*(f"{regret[n - 1]:.2f}" for n in shown), *(f"{modes[n - 1]:.2f}" for n in shown)]


def _differences(pairs: Sequence[tuple[Mapping[str, Floats], Mapping[str, Floats]]]) -> list[str]:
    """The mean over the runs of the same landscape and seed, and the standard error of that mean."""
    texts = []
    for name in ("regret", "modes"):
        differences = np.concatenate([graded[name] - plan[name] for plan, graded in pairs])
        n = len(differences)
        errors = differences.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(differences.shape[1], np.nan)
        means = differences.mean(axis=0)
        texts += [f"{means[n - 1]:+.2f} ± {errors[n - 1]:.2f}" for n in SHOWN_AFTER if n <= len(means)]
    return texts


def _cell(cell: tuple[int, str], seeds: int, trials: int) -> dict[str, Floats]:
    """Regret and distinct failures after each trial, each of shape (seeds, trials)."""
    number, profile = cell
    with threadpool_limits(1):
        runs = [_run(TUNING[number], profile, seed, trials) for seed in range(seeds)]
    return {"regret": np.array([regret for regret, _ in runs]), "modes": np.array([modes for _, modes in runs])}


def _run(landscape: Landscape, profile: str, seed: int, trials: int) -> tuple[list[float], list[int]]:
    def graded(point: Point, rng: np.random.Generator) -> Reading:
        return regraded(landscape.read(point, rng), landscape.limits_ms)

    core = OptimizerCore(landscape.space, random_state=seed)
    regrets, met, modes = [], set[str](), []
    for point, _ in played(core, graded if profile == "graded" else landscape.read, landscape, seed, trials):
        regrets.append(regret(core, landscape))
        met |= {mode.name for mode in landscape.modes if mode.shows(point)}
        modes.append(len(met))
    return regrets, modes


if __name__ == "__main__":
    main_of("graded", __doc__, measure)
