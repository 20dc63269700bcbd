"""Whose turn it is: to make the worst fault worse, or to bring out a failure that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.findings import SAMPLE, Catalogue
from boifi_core.models import Phase, Trial

NOVEL = "novel"
"""The reason of a trial that looks for a failure not known yet."""

_LATELY = 20
"""So many of its latest trials tell what a proposer brings."""

_STEP = 0.3
"""Severity points by which a trial must exceed all before it to count as a step forward."""


def is_for_something_new(trials: Sequence[Trial], found: Catalogue) -> bool:
    """Whether the search's next trial is to look for another failure rather than for a worse one.

    Each has turns in proportion to what its latest ones brought: a failure that no trial showed before, or for the
    worst fault a step forward. Who brings nothing has turns all the same, since that may change.

    Args:
        trials: a session's, by number.
        found: the failures that they showed.
    """
    first = {min(mode.trials) for mode in found.modes}
    worst = 0.0
    worse: list[bool] = []
    novel: list[bool] = []
    for trial in trials:
        severity = trial.severity or 0.0
        is_new = trial.trial in first
        # What chance and what other phases brought is the merit of neither.
        reason = None if trial.why is None or trial.phase != Phase.SEARCH else trial.why.reason
        if reason == NOVEL:
            novel.append(is_new)
        elif reason not in (None, SAMPLE):
            worse.append(is_new or severity > worst + _STEP)
        worst = max(worst, severity)
    return _due(novel) > _due(worse)


def _due(brought: Sequence[bool]) -> float:
    """What it brings at a turn, by how many turns it had."""
    lately = brought[-_LATELY:]
    return (1 + sum(lately)) / (2 + len(lately)) / (1 + len(brought))
