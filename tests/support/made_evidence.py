"""Evidence to learn from: a mixed and conditional space, trials in it, and random ones for property tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from boifi_core.models import Point
from boifi_core.optimizer.evidence import Evidence
from boifi_core.space import SearchSpace

FAULT = {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]}
IS_DELAY = {"field": "fault_type", "operator": "equals", "value": "delay"}
MIXED = SearchSpace.parse(
    [
        FAULT,
        {"name": "target_path", "type": "categorical", "values": ["/a", "/b", "/c"]},
        {"name": "percentage", "type": "integer", "min": 10, "max": 100},
        {"name": "delay_ms", "type": "integer", "min": 10, "max": 2000, "log_scale": True, "condition": IS_DELAY},
    ]
)
"""One dimension of each kind, and one that is there for a delay only."""


def severity(point: Point) -> float:
    """Of a point of `MIXED`: delays hurt, the more and the longer the worse; 0 to 10."""
    if point["fault_type"] == "abort":
        return 0.0
    return min(10.0, float(point["percentage"]) / 20 + float(point["delay_ms"]) / 400)


def made(
    n: int,
    *,
    space: SearchSpace = MIXED,
    seed: int = 0,
    score: Callable[[Point], float] = severity,
    signals: Callable[[Point], Mapping[str, float]] = lambda point: {},
) -> Evidence:
    """`n` random points, and how they went."""
    rows = space.sample_rows(np.random.default_rng(seed), n)
    points = space.points(rows)
    return Evidence(rows, np.array([score(point) for point in points]), [signals(point) for point in points])


awkward_scores = st.one_of(st.floats(0, 10), st.sampled_from([0.0, 10.0, -5.0, 37.5, 1e12, -1e12, 1e-12]))
"""Scores that are finite, and little more."""

_NUMBERS = st.one_of(st.floats(-10, 2000), st.sampled_from([0.0, -1e12, 1e12, 1e-12, 1e300]))
_PARTS = dict.fromkeys(["bug_score", "performance_score", "structure_score"], awkward_scores)

signal_maps = st.fixed_dictionaries({}, optional=dict.fromkeys(["latency_ms", "error_rate", "spans"], _NUMBERS) | _PARTS)
"""Signals that no sane target would send, or none."""


@st.composite
def evidence_of(draw: st.DrawFn, space: SearchSpace, *, least: int = 1, most: int = 10) -> Evidence:
    """Trials of any points of a space, often the same ones again, with any scores and signals."""
    n = draw(st.integers(least, most))
    pool = space.sample_rows(np.random.default_rng(draw(st.integers(0, 99))), n)
    picked = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n))
    scores = draw(st.lists(awkward_scores, min_size=n, max_size=n))
    signals: list[dict[str, Any]] = draw(st.lists(signal_maps, min_size=n, max_size=n))
    return Evidence(pool[picked], np.array(scores, np.float64), signals)
