"""The three scores and their weighted total."""

from __future__ import annotations

import logging

from boifi_core.analyzer.config import AnalyzerConfig
from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.profiles import PROFILES
from boifi_core.analyzer.scorers import Scorer
from boifi_core.analyzer.scorers.base import require, total
from boifi_core.models import RawObservation, SeverityScore

log = logging.getLogger(__name__)

FALLBACK_SCORE = 5.0
"""Stands for a dimension whose scorer failed: neither harmless nor a failure."""

DIMENSIONS = {"bug": "bug_score", "perf": "performance_score", "struct": "structure_score"}
"""A dimension's name in the weights, and its field in `SeverityScore`."""


class AnalyzerService:
    """Scores observations.

    Args:
        config: weights and thresholds; for `auto` the defaults stand, so `resolved` first.
    """

    def __init__(self, config: AnalyzerConfig | None = None) -> None:
        self.config = config or AnalyzerConfig()
        self.scorers: dict[str, Scorer] = PROFILES[self.config.profile](self.config)

    def calculate_severity(
        self, observation: RawObservation, baseline: RawObservation | Normal | None = None
    ) -> SeverityScore:
        """How bad `observation` is: total = sum of weight times score over the sum of the weights.

        Args:
            observation: what was seen; fields that it lacks score nothing.
            baseline: what is seen without a fault, for the traces: one observation, or the normal of several.

        Returns:
            All scores 0 to 10. A scorer that fails gives 5.0 and its dimension's name in `fallback`.

        Raises:
            ValueError: `observation` is None.
        """
        require(observation)
        scores: dict[str, float] = {}
        breakdown: dict[str, float] = {}
        fallback = []
        for dimension, scorer in self.scorers.items():
            try:
                parts = scorer.parts(observation, baseline)
                scores[dimension] = total(parts)
                breakdown |= parts
            except Exception:  # one broken scorer must not cost the trial
                log.exception("the %s score failed; %g is used in its place", dimension, FALLBACK_SCORE)
                scores[dimension] = FALLBACK_SCORE
                fallback.append(dimension)
        severity = SeverityScore(
            total_score=self._weighted(scores),
            breakdown=breakdown,
            fallback=tuple(fallback),
            **{field: scores[dimension] for dimension, field in DIMENSIONS.items()},
        )
        log.debug("severity %g: %s", severity.total_score, scores)
        return severity

    def _weighted(self, scores: dict[str, float]) -> float:
        weights: dict[str, float] = {**self.config.weights}  # type: ignore[dict-item]
        mean = sum(weights[name] * score for name, score in scores.items()) / sum(weights.values())
        return min(10.0, mean)  # rounding can lift the mean of three tens above ten
