"""The same three dimensions without steps: twice as bad scores more, wherever that is."""

from __future__ import annotations

import math

from boifi_core.analyzer.compare import BOTTLENECK_FACTOR, Comparison, compare_observations
from boifi_core.analyzer.log_lines import log_template
from boifi_core.analyzer.normal import Normal, as_normal
from boifi_core.analyzer.scorers.base import MAX_SCORE, require, total
from boifi_core.analyzer.scorers.bug import OF_CHANGED, BugScorer, bad_lines, changed_kinds, is_changed
from boifi_core.analyzer.scorers.performance import PerformanceScorer
from boifi_core.analyzer.scorers.structure import StructureScorer
from boifi_core.models import RawObservation

_FEW = 0.05
"""A share of failed requests that is small, but not nothing: from about here on, twice as many add the same points."""

_LOG_POINTS = 3.0

_STRUCTURE_POINTS = {
    "struct.span_increase": 3.0,
    "struct.edit_distance": 5.0,
    "struct.error_span": 2.0,
    "struct.bottleneck": 2.0,
}
"""What each part approaches: the points of the plan's rule for it."""


class GradedBugScorer(BugScorer):
    """10 ln(1 + e / 0.05) / ln(1 + 1 / 0.05) points for a share e of failed requests: 2.3 for 5 %, 8.4 for 60 %, 10 for
    all. The logarithm (Fechner's law) makes a difference among few failures count as much as one among many.

    Where no share was observed, a status of 400 or above stands for all requests. Most requests with a healthy status
    of another class than without a fault add 8 points; else the first kind of request with one adds half of 3, each
    further one half of what is missing, and so do the kinds of error lines in the log that the target does not write
    without a fault. Answers of a good status that are not what is expected of them count apart, with 8 instead of 10
    points for all. What is added is less, the more requests fail, so that the sum stays within 10.
    """

    def parts(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> dict[str, float]:
        require(observation)
        share = observation.failed_rate
        if share is None:
            share = float(observation.status_code is not None and observation.is_bad(observation.status_code))
        errors = MAX_SCORE * _of_share(share)
        wrong = OF_CHANGED * _of_share(observation.wrong_rate) * (1 - errors / MAX_SCORE)
        normal = as_normal(baseline)
        changed = (
            OF_CHANGED if is_changed(observation, normal) else _approach(3.0, len(changed_kinds(observation, normal)))
        )
        changed *= 1 - (errors + wrong) / MAX_SCORE
        lines = set(map(log_template, bad_lines(observation, normal)))
        logs = _approach(_LOG_POINTS, len(lines)) * (1 - (errors + wrong + changed) / MAX_SCORE)
        parts = {
            "bug.error_rate": errors,
            "bug.wrong_answers": wrong,
            "bug.status_changed": changed,
            "bug.logs": logs,
        }
        return {name: points for name, points in parts.items() if points > 0}


class GradedPerformanceScorer(PerformanceScorer):
    """The plan's 9 u up to the threshold, where u is the share of the way there from the baseline; 10 - 1 / u above.

    It does not jump at the threshold, and rises for ever.
    """

    def _points(self, latency_ms: float) -> float:
        way = (latency_ms - self.baseline_ms) / (self.threshold_ms - self.baseline_ms)
        return max(0.0, 9.0 * way) if way <= 1 else MAX_SCORE - 1.0 / way


class GradedStructureScorer(StructureScorer):
    """The plan's four signs, each of which approaches the plan's points as it grows; clipped to 10.

    Half of them are reached at `span_increase_threshold` (a share of the spans), at `edit_distance_threshold`
    (operations), with one ERROR span, and with a span that takes 10 times as long as without a fault; below 5 times it
    is none. Which traces are compared, and which kind of request counts, is as for `StructureScorer`.
    """

    def parts(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> dict[str, float]:
        require(observation)
        found = [self._signs(each) for each in compare_observations(observation, baseline)]
        return max(found, key=total, default={})

    def _signs(self, comparison: Comparison) -> dict[str, float]:
        slow = comparison.bottleneck
        signs = {
            "struct.span_increase": _half_at(self.span_increase_threshold, comparison.span_increase or 0.0),
            "struct.edit_distance": _half_at(self.edit_distance_threshold, comparison.edit_distance or 0),
            "struct.error_span": _half_at(1, len(comparison.failing)),
            "struct.bottleneck": 1 - BOTTLENECK_FACTOR * slow.baseline_ms / slow.duration_ms if slow else 0.0,
        }
        points = {name: _STRUCTURE_POINTS[name] * share for name, share in signs.items()}
        return {name: given for name, given in points.items() if given > 0}


def _of_share(share: float) -> float:
    return math.log1p(share / _FEW) / math.log1p(1 / _FEW)


def _approach(points: float, n: float) -> float:
    """Half of the points for the first, half of the rest for each further one."""
    return points * (1 - math.exp2(-n))


def _half_at(threshold: float, value: float) -> float:
    """A share that rises from 0 at 0 over a half at the threshold towards 1."""
    if value <= 0:
        return 0.0
    return _approach(1.0, value / threshold) if threshold > 0 else 1.0
