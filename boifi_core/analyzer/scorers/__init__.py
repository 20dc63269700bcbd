"""The three dimensions of a severity, each scored 0 to 10 by one class."""

from boifi_core.analyzer.scorers.base import Scorer
from boifi_core.analyzer.scorers.bug import BugScorer
from boifi_core.analyzer.scorers.performance import PerformanceScorer
from boifi_core.analyzer.scorers.structure import StructureScorer

__all__ = ["BugScorer", "PerformanceScorer", "Scorer", "StructureScorer"]
