"""What a trial is worth to the search: its severity, or what it shows that others did not."""

from __future__ import annotations

from collections.abc import Callable

from boifi_core.findings.likeness import APART, Failure, likeness

Worth = Callable[[Failure | None, float], float]
"""What a trial showed, and its severity, to the score that the optimizer is told; called for each trial in order."""


def as_severe(_failure: Failure | None, severity: float) -> float:
    """As bad as it was: the search looks for the worst fault."""
    return severity


class Dulling:
    """Each further trial of a failure is worth less: the first its severity, the second half of it, and so on.

    So a region whose failure is known becomes dull to the model, and one with another failure does not.
    """

    def __init__(self) -> None:
        self._known: list[Failure] = []

    def __call__(self, failure: Failure | None, severity: float) -> float:
        if failure is None:
            return severity
        features = failure.features
        alike = sum(likeness(features, other.features) >= APART for other in self._known)
        self._known.append(failure)
        return severity / (1 + alike)


OBJECTIVES: dict[str, Callable[[], Worth]] = {
    "severity": lambda: as_severe,
    "modes": Dulling,
    "both": lambda: as_severe,
}
"""What the search looks for, by name: the worst fault, ever other failures, or in turn the one and the other."""
