"""What the fault did to the response time."""

from __future__ import annotations

import logging
import math

from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.scorers.base import Scorer, require
from boifi_core.errors import InvalidInput
from boifi_core.models import RawObservation

log = logging.getLogger(__name__)


class PerformanceScorer(Scorer):
    """0 below `baseline_ms`, 10 above `threshold_ms`, between them 9 times the share of the way.

    Args:
        baseline_ms: what is normal, milliseconds, > 0.
        threshold_ms: the longest acceptable latency, milliseconds, above `baseline_ms`.
    """

    def __init__(self, baseline_ms: float = 200.0, threshold_ms: float = 1000.0) -> None:
        for field, value in (("baseline_ms", baseline_ms), ("threshold_ms", threshold_ms)):
            if not (math.isfinite(value) and value > 0):
                raise InvalidInput(field, "must be above 0", value)
        if baseline_ms >= threshold_ms:
            raise InvalidInput("baseline_ms", f"must be below threshold_ms ({threshold_ms:g})", baseline_ms)
        self.baseline_ms = baseline_ms
        self.threshold_ms = threshold_ms

    def observes(self, observation: RawObservation) -> bool:
        """Where a latency is known."""
        return observation.latency_ms is not None

    def parts(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> dict[str, float]:
        require(observation)
        points = 0.0 if observation.latency_ms is None else self._points(observation.latency_ms)
        log.debug(
            "performance: %s ms, %g to %g acceptable: %g",
            observation.latency_ms,
            self.baseline_ms,
            self.threshold_ms,
            points,
        )
        return {"perf.latency": points} if points > 0 else {}

    def _points(self, latency_ms: float) -> float:
        if latency_ms > self.threshold_ms:
            return 10.0
        if latency_ms < self.baseline_ms:
            return 0.0
        return 9.0 * (latency_ms - self.baseline_ms) / (self.threshold_ms - self.baseline_ms)
