"""What the fault did to the way a request takes through the services."""

from __future__ import annotations

import logging

from boifi_core.analyzer.compare import Comparison, compare_observations
from boifi_core.analyzer.normal import Normal, traces_of
from boifi_core.analyzer.scorers.base import Scorer, require, total
from boifi_core.models import RawObservation

log = logging.getLogger(__name__)


class StructureScorer(Scorer):
    """+3 for more spans than the threshold, +5 for an edit distance above it, +2 for an ERROR span, +2 for a span that
    takes more than 5 times as long as in the baseline; clipped to 10.

    Every trace is compared with all fault-free traces of the same kind of request, the nearest of which tells how many
    spans there were and in which order; and the worst kind counts. Calls made again add spans, but are no edits.
    Without a fault-free trace only ERROR spans count, without a readable trace nothing.

    Args:
        span_increase_threshold: share of the baseline's number of spans, >= 0; more counts.
        edit_distance_threshold: operations inserted, deleted or replaced, >= 0; more counts.
    """

    def __init__(self, span_increase_threshold: float = 0.5, edit_distance_threshold: int = 2) -> None:
        self.span_increase_threshold = span_increase_threshold
        self.edit_distance_threshold = edit_distance_threshold

    def observes(self, observation: RawObservation) -> bool:
        """Where there is a trace that can be read."""
        return bool(traces_of(observation))

    def parts(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> dict[str, float]:
        require(observation)
        worst = self.worst(observation, baseline)
        parts = {} if worst is None else self._rules(worst)
        log.debug("structure: %s", parts)
        return parts

    def worst(self, observation: RawObservation, baseline: RawObservation | Normal | None) -> Comparison | None:
        """The comparison that scores highest, the first of equals; None without a readable trace."""
        comparisons = compare_observations(observation, baseline)
        return max(comparisons, key=lambda comparison: total(self._rules(comparison)), default=None)

    def _rules(self, comparison: Comparison) -> dict[str, float]:
        increase, distance = comparison.span_increase, comparison.edit_distance
        fired = {
            "struct.span_increase": (3.0, increase is not None and increase > self.span_increase_threshold),
            "struct.edit_distance": (5.0, distance is not None and distance > self.edit_distance_threshold),
            "struct.error_span": (2.0, comparison.has_error),
            "struct.bottleneck": (2.0, comparison.bottleneck is not None),
        }
        return {name: points for name, (points, holds) in fired.items() if holds}
