"""How the three dimensions can be scored, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from boifi_core.analyzer.config import AnalyzerConfig
from boifi_core.analyzer.scorers import BugScorer, PerformanceScorer, Scorer, StructureScorer
from boifi_core.analyzer.scorers.graded import GradedBugScorer, GradedPerformanceScorer, GradedStructureScorer


def _plan(config: AnalyzerConfig) -> dict[str, Scorer]:
    return {
        "bug": BugScorer(),
        "perf": PerformanceScorer(*config.limits_ms()),
        "struct": StructureScorer(config.span_increase_threshold, config.edit_distance_threshold),
    }


def _graded(config: AnalyzerConfig) -> dict[str, Scorer]:
    return {
        "bug": GradedBugScorer(),
        "perf": GradedPerformanceScorer(*config.limits_ms()),
        "struct": GradedStructureScorer(config.span_increase_threshold, config.edit_distance_threshold),
    }


@dataclass(frozen=True)
class Profile:
    """How points are given: who gives them, by dimension, and what the total makes of them.

    Attributes:
        scorers: by dimension, as in the weights.
        total: of the scores and the weights of what was observed, at least one.
    """

    scorers: Callable[[AnalyzerConfig], dict[str, Scorer]]
    total: Callable[[Sequence[float], Sequence[float]], float]


def _mean(scores: Sequence[float], weights: Sequence[float]) -> float:
    """The sum of weight times score over the sum of the weights."""
    mean = sum(weight * score for weight, score in zip(weights, scores, strict=True)) / sum(weights)
    return min(10.0, mean)  # rounding can lift the mean of three tens above ten


def _worst(scores: Sequence[float], _weights: Sequence[float]) -> float:
    return max(scores)


PROFILES: Mapping[str, Profile] = {
    "plan": Profile(_plan, _mean),
    "graded": Profile(_graded, _mean),
    "worst": Profile(_graded, _worst),
}
"""`plan` gives points by steps, as the plan has them; `graded` has no steps. In both a target that only became slow is
a mild case, since performance weighs little; with `worst` it is as bad as one that fails."""
