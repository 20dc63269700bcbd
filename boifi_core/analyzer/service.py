"""The three scores and their weighted total."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from boifi_core.analyzer.config import AnalyzerConfig
from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.profiles import PROFILES
from boifi_core.analyzer.scorers import Scorer
from boifi_core.analyzer.scorers.base import require, total
from boifi_core.models import RawObservation, SeverityScore

log = logging.getLogger(__name__)

FALLBACK_SCORE = 5.0
"""Stands for a dimension whose scorer failed: neither harmless nor a failure."""

_MOST_FAIL = 9.0

DIMENSIONS = {"bug": "bug_score", "perf": "performance_score", "struct": "structure_score"}
"""A dimension's name in the weights, and its field in `SeverityScore`."""


class AnalyzerService:
    """Scores observations.

    Args:
        config: weights and thresholds; for `auto` the defaults stand, so `resolved` first.
    """

    def __init__(self, config: AnalyzerConfig | None = None) -> None:
        self.config = config or AnalyzerConfig()
        self._profile = PROFILES[self.config.profile]
        self.scorers: dict[str, Scorer] = self._profile.scorers(self.config)

    def calculate_severity(
        self, observation: RawObservation, baseline: RawObservation | Normal | None = None
    ) -> SeverityScore:
        """How bad `observation` is: what its profile makes of its scores, and never less than `floor` says.

        Args:
            observation: what was seen; a dimension that it tells nothing of scores 0 and counts in no mean.
            baseline: what is seen without a fault: one observation, or the normal of several.

        Returns:
            All scores 0 to 10. A scorer that fails gives 5.0 and its dimension's name in `fallback`; a dimension that
            was not observed has its name in `unobserved`.

        Raises:
            ValueError: `observation` is None.
        """
        require(observation)
        scores: dict[str, float] = {}
        breakdown: dict[str, float] = {}
        fallback, unobserved = [], []
        for dimension, scorer in self.scorers.items():
            try:
                parts = scorer.parts(observation, baseline)
                if not parts and not scorer.observes(observation):
                    unobserved.append(dimension)
                scores[dimension] = total(parts)
                breakdown |= parts
            except Exception:  # one broken scorer must not cost the trial
                log.exception("the %s score failed; %g is used in its place", dimension, FALLBACK_SCORE)
                scores[dimension] = FALLBACK_SCORE
                fallback.append(dimension)
        severity = SeverityScore(
            total_score=max(self._total(scores, unobserved), floor(observation)),
            breakdown=breakdown,
            fallback=tuple(fallback),
            unobserved=tuple(unobserved),
            **{field: scores[dimension] for dimension, field in DIMENSIONS.items()},
        )
        log.debug("severity %g: %s", severity.total_score, scores)
        return severity

    def least_severity(self, score: SeverityScore, observation: RawObservation) -> float:
        """What an observation's severity is at least: all that nobody saw of it may have been well."""
        scores = {dimension: getattr(score, field) for dimension, field in DIMENSIONS.items()}
        return max(self._total(scores, ()), floor(observation))

    def _total(self, scores: Mapping[str, float], unobserved: Collection[str]) -> float:
        """What the profile makes of the scores that were observed; 0 where none was."""
        weights: dict[str, float] = {**self.config.weights}  # type: ignore[dict-item]
        seen = [name for name in scores if name not in unobserved]
        return self._profile.total([scores[name] for name in seen], [weights[name] for name in seen]) if seen else 0.0


def floor(observation: RawObservation) -> float:
    """The least severity of a window in which most requests failed; 0 where they did not.

    8 + 2 e for a share e of failed requests above a half: 9 for just more than half of them, 10 for all. The mean alone
    cannot say so: a target that refuses at once is quick, and its traces are short. Where the share is not known, a
    most frequent status of 500 or above stands for most of them. Answers that only are not what is expected of them do
    not count here.
    """
    share = observation.failed_rate
    if share is None:
        return _MOST_FAIL if (observation.status_code or 0) >= 500 else 0.0
    return _MOST_FAIL + 2 * (share - 0.5) if share > 0.5 else 0.0
