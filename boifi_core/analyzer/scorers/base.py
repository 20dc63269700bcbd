"""What every scorer promises."""

from __future__ import annotations

from abc import ABC, abstractmethod

from boifi_core.analyzer.normal import Normal
from boifi_core.models import RawObservation

MAX_SCORE = 10.0


class Scorer(ABC):
    """Scores one dimension of an observation."""

    @abstractmethod
    def parts(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> dict[str, float]:
        """The rules that fired, each with the points it gives, > 0.

        Raises:
            ValueError: `observation` is None.
        """

    def observes(self, observation: RawObservation) -> bool:
        """Whether the observation tells anything of this dimension: what was not observed is no 0 in the total."""
        return True

    def score(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> float:
        """The points of all parts together, 0 to 10."""
        return total(self.parts(observation, baseline))


def total(parts: dict[str, float]) -> float:
    """The sum of the points, clipped to 0..10."""
    return min(MAX_SCORE, max(0.0, sum(parts.values())))


def require(observation: RawObservation | None) -> None:
    """Raise ValueError if there is no observation."""
    if observation is None:
        raise ValueError("observation must be given, got None")
