"""Whose turn it is: to make the worst fault worse, or to bring out a failure that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.findings import Catalogue
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
    brought: dict[bool, list[bool]] = {True: [], False: []}
    for trial in trials:
        severity = trial.severity or 0.0
        is_new = trial.trial in first
        if trial.phase == Phase.SEARCH and trial.why is not None:
            is_novel = trial.why.reason == NOVEL
            brought[is_novel].append(is_new or (not is_novel and severity > worst + _STEP))
        worst = max(worst, severity)
    return _due(brought[True]) > _due(brought[False])


def _due(brought: Sequence[bool]) -> float:
    """What it brings at a turn, by how many turns it had."""
    lately = brought[-_LATELY:]
    return (1 + sum(lately)) / (2 + len(lately)) / (1 + len(brought))
