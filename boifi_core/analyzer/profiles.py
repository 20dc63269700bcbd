"""How the three dimensions can be scored, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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


PROFILES: Mapping[str, Callable[[AnalyzerConfig], dict[str, Scorer]]] = {"plan": _plan, "graded": _graded}
"""`plan` gives points by steps, as the plan has them; `graded` has no steps. By dimension, as in the weights."""
