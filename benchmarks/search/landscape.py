"""What a search is measured on: a space, noisy readings of it, and the truth that only the measurement knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from boifi_core.models import Point
from boifi_core.space import SearchSpace


@dataclass(frozen=True)
class Reading:
    """What one experiment shows.

    Attributes:
        severity: the noisy score, 0 to 10.
        signals: what a session would pass to `record` beside it: `bug_score`, `performance_score`, `structure_score`,
            `latency_ms`, `error_rate`, and counts of the trace; empty where a landscape has none.
    """

    severity: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Mode:
    """One way in which the target fails.

    Attributes:
        name: unique within the landscape.
        shows: whether a point brings it about, in truth.
    """

    name: str
    shows: Callable[[Point], bool]


@dataclass(frozen=True)
class Landscape:
    """One target.

    Attributes:
        name: unique among all landscapes.
        space: what may be searched; may have conditions and constraints.
        read: one experiment; depends on nothing but the point and the random stream.
        truth: the severity of a point without noise, 0 to 10; always the same for the same point.
        optimum: the highest truth over the space.
        optimum_at: a point that has it.
        modes: the distinct ways to fail, worst first.
        kind: `mesh` for a simulated call graph, `shape` for a function known to be hard.
        limits_ms: what latency is normal and what just acceptable, for the performance score.
        smooth: whether it is of the smooth kind for which the plan asks R² of at least 0.85 after 50 trials.
    """

    name: str
    space: SearchSpace
    read: Callable[[Point, np.random.Generator], Reading]
    truth: Callable[[Point], float]
    optimum: float
    optimum_at: Point
    modes: tuple[Mode, ...]
    kind: Literal["mesh", "shape"]
    limits_ms: tuple[float, float] = (200.0, 1000.0)
    smooth: bool = False
