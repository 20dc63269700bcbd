"""What the runs of one peer come to: regret, trials, modes, times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search.landscape import Landscape
from benchmarks.search.results import Result

NEAR = 0.95
"""A point counts as there from this share of the optimum on."""

AFTER = (30, 60, 100)
"""Trials after which the recommendation is judged."""

MODES_AFTER = (30, 60, 100, 150)
"""Trials after which distinct failures are counted; where a trial takes long, runs end at the last but one."""

Landscapes = Mapping[str, Landscape]


@dataclass(frozen=True)
class Mean:
    """A mean and its standard error; the error is NaN for a single value."""

    value: float
    error: float
    n: int


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of runs on one landscape."""
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Mean(float(np.mean(values)), error, len(values))


def regret(result: Result, optimum: float, after: int) -> float:
    """How far the recommended point's truth is from the optimum; its last where a run ended early."""
    made = [trials for trials in result.recommended if trials <= after]
    return optimum - (result.recommended[max(made)] if made else 0.0)


def trials_to_near(result: Result, optimum: float) -> float:
    """The trial, from 1 to 100, that first tried a point near the optimum; infinite if none did."""
    made = result.truth[: AFTER[-1]]
    return next((n for n, truth in enumerate(made, 1) if truth >= NEAR * optimum), math.inf)


def recommends_near(result: Result, optimum: float) -> bool:
    """Whether the point recommended at the end is near the optimum."""
    return optimum - regret(result, optimum, AFTER[-1]) >= NEAR * optimum


def modes_met(result: Result, after: int) -> int | None:
    """How many distinct failures the first `after` trials met; None where the run was shorter."""
    return sum(first <= after for first in result.modes.values()) if after <= result.trials else None


def modes_by_landscape(results: Sequence[Result], landscapes: Landscapes, after: int) -> dict[str, Mean]:
    """The mean number of distinct failures on each landscape that there are runs of so many trials of."""
    found: dict[str, list[float]] = {}
    for result in results:
        if (met := modes_met(result, after)) is not None:
            found.setdefault(result.landscape, []).append(met)
    return {name: mean_of(found[name]) for name in landscapes if name in found}


def regret_by_landscape(results: Sequence[Result], landscapes: Landscapes, after: int) -> dict[str, Mean]:
    """The mean regret on each landscape that there are runs of."""
    found: dict[str, list[float]] = {}
    for result in results:
        found.setdefault(result.landscape, []).append(regret(result, landscapes[result.landscape].optimum, after))
    return {name: mean_of(found[name]) for name in landscapes if name in found}


def over_landscapes(means: Mapping[str, Mean]) -> Mean:
    """The mean over landscapes, each counted once; its error is that of other seeds on the same landscapes."""
    errors = [mean.error for mean in means.values()]
    return Mean(
        float(np.mean([mean.value for mean in means.values()])),
        math.sqrt(sum(error**2 for error in errors)) / len(errors),
        sum(mean.n for mean in means.values()),
    )


@dataclass(frozen=True)
class Figures:
    """What one peer's runs on some landscapes come to.

    Attributes:
        regret: of the recommended point, by number of trials; each landscape counts once.
        median_trials: to a point near the optimum; infinite where half of the runs never tried one.
        met: share of runs that tried such a point.
        named: share of runs that recommend such a point at the end.
        propose_ms, record_ms: median over the runs of their medians and 95th percentiles.
        r2: of the model, mean on smooth landscapes and on others; NaN where it has none.
    """

    regret: dict[int, Mean]
    median_trials: float
    met: float
    named: float
    propose_ms: tuple[float, float]
    record_ms: tuple[float, float]
    r2: tuple[float, float]


def figures_of(results: Sequence[Result], landscapes: Landscapes) -> Figures:
    """The figures of one peer's runs, at least one, on these landscapes."""
    reached = [trials_to_near(result, landscapes[result.landscape].optimum) for result in results]
    named = [recommends_near(result, landscapes[result.landscape].optimum) for result in results]
    return Figures(
        regret={after: over_landscapes(regret_by_landscape(results, landscapes, after)) for after in AFTER},
        median_trials=float(np.median(reached)),
        met=float(np.mean(np.isfinite(reached))),
        named=float(np.mean(named)),
        propose_ms=_median_pair([result.propose_ms for result in results]),
        record_ms=_median_pair([result.record_ms for result in results]),
        r2=(_r2(results, landscapes, smooth=True), _r2(results, landscapes, smooth=False)),
    )


def _median_pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    median, p95 = np.median(np.array(pairs), axis=0).tolist()
    return median, p95


def _r2(results: Sequence[Result], landscapes: Landscapes, *, smooth: bool) -> float:
    found = [result.r2 for result in results if result.r2 is not None and landscapes[result.landscape].smooth is smooth]
    return float(np.mean(found)) if found else math.nan
