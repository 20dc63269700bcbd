"""What the next trial is for: to look where nobody looked, to find the worst's edges, to make it worse, to doubt it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.evidence import Evidence

Floats = NDArray[np.float64]

Reason = Literal["initial", "known", "explore", "probe", "improve", "confirm", "remaining"]
"""Why a point was proposed: by the initial design; because it was severe in an earlier session; because little is
known about it; because one number alone sets it apart from one of the worst, and nobody knows what that does; because
the model hopes for a worse fault there; because its reading was too surprising to be believed;
because it is one of the last untried."""

_WORTH = 0.3
"""Severity points by which a trial must exceed all before it to count as a step forward."""

_LEAST_SHARE, _LARGEST_SHARE = 0.1, 0.5
_SHARE_PER_TRIAL = 0.08
"""Chances of a proposal to explore: at least, at most, and by how much they rise with each trial without a step."""

_CHANCE_TO_PROBE, _PATIENCE = 0.7, 3
"""Chance to probe where the next trial is not to explore, and how many trials without a step come before that."""

_NEAR_THE_TOP = 9.5

_SURPRISE_STDS, _LEAST_STD, _LEAST_GAIN, _LARGE_GAIN = 2.5, 0.3, 1.0, 3.0


def chance_to_explore(scores: Floats, n_initial: int) -> float:
    """How likely the next trial is to leave the model's best guess aside.

    While the worst fault grows, digging pays; the longer it does not, the likelier it is that there is another place to
    dig. A severity near 10 leaves nothing to be found elsewhere.

    Args:
        scores: recorded so far, oldest first, at least one.
        n_initial: how many of them come from the initial design.
    """
    if scores.max() >= _NEAR_THE_TOP:
        return _LEAST_SHARE
    return min(_LEAST_SHARE + _SHARE_PER_TRIAL * _without_step(scores, n_initial), _LARGEST_SHARE)


def chance_to_probe(scores: Floats, n_initial: int) -> float:
    """How likely a trial that is not to explore is to follow one number away from one of the worst faults.

    While the worst fault grows, the model knows better. Then it often stands on a plateau, where every promise is
    small, and worse may lie just beyond its edge: a time-out makes a cliff, and what is slow but not too slow for it
    can be worse than what is cut off.

    Args:
        scores: recorded so far, oldest first, at least one.
        n_initial: how many of them come from the initial design.
    """
    return _CHANCE_TO_PROBE if _without_step(scores, n_initial) >= _PATIENCE else 0.0


def _without_step(scores: Floats, n_initial: int) -> int:
    """How many trials ago the worst fault grew clearly, the initial design's own not counted."""
    highest = np.concatenate([[-np.inf], np.maximum.accumulate(scores)[:-1]])
    # Small steps add up: only those that lead clearly beyond the last large one count.
    mark, last = -np.inf, n_initial
    for trial in np.flatnonzero(scores > highest):
        if scores[trial] > mark + _WORTH:
            mark, last = scores[trial], max(int(trial), n_initial)
    return max(0, len(scores) - last)


def is_surprising(evidence: Evidence, left_out: Callable[[], tuple[Floats, Floats]]) -> bool:
    """Whether the latest trial is a new worst fault that nothing foretold, and was measured once only.

    A fault that is real shows itself again; a lucky reading doesn't, and would draw the search to it for many trials.

    Args:
        evidence: this session's own, not empty.
        left_out: gives what `Surrogate.left_out` does, the latest trial last.
    """
    latest, before = evidence.scores[-1], evidence.scores[:-1]
    if not len(before) or latest < before.max() or _readings(evidence, evidence.rows[-1]) > 1:
        return False
    mean, std = (float(part[-1]) for part in left_out())
    gain = latest - mean
    return bool(gain > _LARGE_GAIN or (gain > _LEAST_GAIN and gain > _SURPRISE_STDS * max(std, _LEAST_STD)))


def _readings(evidence: Evidence, row: Floats) -> int:
    rows = evidence.rows
    return int(((rows == row) | (np.isnan(rows) & np.isnan(row))).all(axis=1).sum())
