"""What is known in the end: the worst fault, and how well it was foretold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boifi_core.models import Point
from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.proposal import BestPoint
from boifi_core.optimizer.surrogate import Predict
from boifi_core.space import SearchSpace

Floats = NDArray[np.float64]

_ASKED_ABOUT = 100
"""Of how many tried points, those with the worst readings, the model is asked which it takes for the worst."""

_MIN_JUDGED = 5
"""From how many scores on it can be said how well they are predicted."""


def recommended(space: SearchSpace, own: Evidence, points: Sequence[Point], predict: Predict | None) -> BestPoint:
    """The tried point of which most is expected, its readings pooled; without a model, the worst reading.

    Args:
        own: what this session has recorded, at least one trial.
        points: the same, as points.
    """
    ids = space.ids(own.rows)
    first = {identity: index for index, identity in reversed(list(enumerate(ids)))}
    highest: dict[bytes, float] = {}
    for identity, score in zip(ids, own.scores.tolist(), strict=True):
        highest[identity] = max(score, highest.get(identity, score))
    tried = np.array(sorted(sorted(first.values()), key=lambda index: -highest[ids[index]])[:_ASKED_ABOUT])
    tried.sort()
    mean, std = predict(own.rows[tried]) if predict else (own.scores[tried], np.zeros(len(tried)))
    chosen = int(mean.argmax())
    mine = [score for identity, score in zip(ids, own.scores, strict=True) if identity == ids[tried[chosen]]]
    return BestPoint(
        dict(points[tried[chosen]]), float(np.mean(mine)), float(mean[chosen]), float(std[chosen]), len(mine)
    )


def explained_share(scores: Floats, expected: Floats) -> float | None:
    """R² of what was expected, NaN where nothing was; None with fewer than five scores, or where all are equal."""
    known = ~np.isnan(expected)
    scores, expected = scores[known], expected[known]
    if len(scores) < _MIN_JUDGED or np.ptp(scores) == 0:
        return None
    return float(1 - ((scores - expected) ** 2).sum() / ((scores - scores.mean()) ** 2).sum())


def expectation(best: BestPoint | None) -> tuple[float, float] | None:
    """What the model takes the recommended fault's severity for, 0 to 10, and the standard deviation of that.

    None before there is a model: then there is no spread.
    """
    return None if best is None or best.std <= 0 else (min(max(best.mean, 0.0), 10.0), best.std)
