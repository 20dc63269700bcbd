"""Whether a fault that is injected once more does the same again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boifi_core.findings.models import Catalogue, FailureMode
from boifi_core.history.readings import plans_key, rankable
from boifi_core.models import Trial

TRIES = 8
"""A fault of few requests, or just above a threshold, strikes by chance: so often it is tried, at most.

One that strikes every other time is missed by five tries once in 32, by eight once in 256.
"""

NOISE = 1.0
"""A failure is as bad as before that is at most so much milder than the mildest then; severity points."""


@dataclass(frozen=True)
class Again:
    """A trial of a fault that had been tried before, beside what it did then.

    Attributes:
        expected: the failure that the fault showed then; None where it was harmless.
        shown: the failure that it showed now.
        severity: of now.
        lowest: from it on a severity is as bad as then, within noise.
    """

    expected: FailureMode | None
    shown: FailureMode | None
    severity: float
    lowest: float

    @property
    def shows(self) -> bool:
        """Whether it failed in the same way, or was harmless again."""
        return (self.expected and self.expected.label) == (self.shown and self.shown.label)

    @property
    def is_same(self) -> bool:
        """Whether it failed in the same way, and at least as badly."""
        return self.shows and self.severity >= self.lowest


def again(found: Catalogue, trials: Sequence[Trial], original: Trial, replay: Trial) -> Again | None:
    """How a replay compares; None where it could not be measured.

    Args:
        found: the catalogue of `trials`, which hold both.
        original: the trial that was replayed; its severity is that of all readings of its fault before the replay
            that showed the same as it did.
    """
    measured = rankable(trials)
    if replay.severity is None or all(trial.trial != replay.trial for trial in measured):
        return None
    expected = found.mode_of(original.trial)
    before = [
        trial.severity or 0.0
        for trial in measured
        if trial.trial < replay.trial
        and plans_key(trial.plans) == plans_key(original.plans)
        and found.mode_of(trial.trial) == expected
    ] or [original.severity or 0.0]
    return Again(
        expected=expected,
        shown=found.mode_of(replay.trial),
        severity=replay.severity,
        lowest=min(before) - NOISE,
    )
