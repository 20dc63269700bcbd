"""From an observation to a severity: three scorers, one weighted total, and a sentence that says why."""

from boifi_core.analyzer.baseline import merge_baseline
from boifi_core.analyzer.config import AnalyzerConfig
from boifi_core.analyzer.explain import explain
from boifi_core.analyzer.service import AnalyzerService

__all__ = ["AnalyzerConfig", "AnalyzerService", "explain", "merge_baseline"]
