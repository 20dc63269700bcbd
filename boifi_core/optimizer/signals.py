"""What lies beneath the score: the signals that still vary where the severity does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.evidence import Evidence

Floats = NDArray[np.float64]

_SHARE = 0.3
"""How much of what the search aims at is read off the signals."""

_PRIOR_SLOPE = 0.5
"""Severity points that a rise of a signal by one standard deviation is worth, before there are scores that say so."""

_RIDGE = 2.0
"""How many trials the prior slope counts for."""

_SHARES_OF_ONE = ("error_rate",)
"""Signals from 0 to 1, and taken for the nearer one beyond; of all others, from 0 up, the logarithm is taken."""


def shaped(evidence: Evidence) -> Floats:
    """The scores, with a slope where they are flat, shape (n,), in severity points.

    Severity is coarse: it stays at 0 until something breaks, and at 3 from the first failed request to the last but
    half. Latency, error rate and counts of the trace still rise beneath it, and lead to where it jumps. So a ridge
    regression says what severity the signals speak of (Hoerl & Kennard 1970, Technometrics 12, 55-67; shrunk towards
    "more is worse"), and a share of that is mixed into the score. Without signals these are the scores.

    Scores that are signals themselves (names that end in `_score`) are left aside: they are the severity's own parts.
    """
    names = sorted({name for signals in evidence.signals for name in signals if not name.endswith("_score")})
    if not names or len(evidence) < 2:
        return evidence.scores
    values = np.array([[signals.get(name, np.nan) for name in names] for signals in evidence.signals])
    shares = np.array([name in _SHARES_OF_ONE for name in names])
    columns = np.where(shares, np.clip(values, 0.0, 1.0), np.log1p(np.maximum(values, 0.0)))
    standardised = _standardised(columns)
    if not standardised.shape[1]:
        return evidence.scores
    centred = evidence.scores - evidence.scores.mean()
    prior = np.full(standardised.shape[1], _PRIOR_SLOPE)
    ridge = standardised.T @ standardised + _RIDGE * np.eye(len(prior))
    slopes = prior + np.linalg.solve(ridge, standardised.T @ (centred - standardised @ prior))
    spoken_of = evidence.scores.mean() + standardised @ slopes
    mixed: Floats = (1 - _SHARE) * evidence.scores + _SHARE * spoken_of
    return mixed


def _standardised(columns: Floats) -> Floats:
    """Columns with mean 0 and standard deviation 1; what is missing is the mean, what never varies is left out."""
    known = ~np.isnan(columns)
    counts = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, columns - np.where(known, columns, 0.0).sum(axis=0) / counts, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / counts)
    varies = spread > 1e-9
    standardised: Floats = centred[:, varies] / spread[varies]
    return standardised
