"""Signs of a defect: status code, log lines, error rate."""

from __future__ import annotations

import logging

from boifi_core.analyzer.log_lines import BAD_LOG, log_template
from boifi_core.analyzer.normal import Normal, as_normal
from boifi_core.analyzer.scorers.base import Scorer, require
from boifi_core.models import RawObservation, most_frequent

log = logging.getLogger(__name__)

OF_CHANGED = 8.0
"""Points where most requests end otherwise: nobody gets what was asked for, as with a 404."""


class BugScorer(Scorer):
    """The first rule that holds gives the points: status >= 500: 10; status >= 400: 8; a status of another class than
    without a fault: 8; most answers are not what is expected of them: 8; a log line with ERROR or FATAL in any case
    that the target does not write without a fault: 6; an error rate above 0, or a kind of request whose status is of
    another class: 3.

    A field that the observation lacks skips its rules, so that a degraded observation is scored on its sound fields.
    """

    def observes(self, observation: RawObservation) -> bool:
        """Where status or share of failures is known, or the log tells of an error."""
        return (
            observation.status_code is not None
            or observation.error_rate is not None
            or any(BAD_LOG.search(line) for line in observation.logs)
        )

    def parts(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> dict[str, float]:
        require(observation)
        if observation.status_code is None:
            log.warning("no status code observed: scored on logs and error rate alone")
        parts = _first_rule(observation, as_normal(baseline))
        log.debug("bug: %s", parts)
        return parts


def _first_rule(observation: RawObservation, normal: Normal) -> dict[str, float]:
    status_code = observation.status_code or 0
    if observation.is_bad(status_code):
        return {"bug.status_5xx": 10.0} if status_code >= 500 else {"bug.status_4xx": 8.0}
    if is_changed(observation, normal):
        return {"bug.status_changed": OF_CHANGED}
    if observation.wrong_rate > 0.5:
        return {"bug.wrong_answers": OF_CHANGED}
    if bad_lines(observation, normal):
        return {"bug.logs": 6.0}
    if observation.error_rate:
        return {"bug.error_rate": 3.0}
    if changed_kinds(observation, normal):
        return {"bug.status_changed": 3.0}
    return {}


def is_changed(observation: RawObservation, normal: Normal) -> bool:
    """Whether most requests end well, but otherwise than without a fault: with a redirect instead of the page."""
    status_code = observation.status_code
    return status_code is not None and status_code < 400 and not normal.is_usual_status(status_code)


def changed_kinds(observation: RawObservation, normal: Normal) -> dict[str, int]:
    """The kinds of request most of which end well, but otherwise than without a fault, and with which status."""
    most = {kind: most_frequent(statuses) for kind, statuses in observation.statuses.items() if statuses}
    return {
        kind: status for kind, status in most.items() if status < 400 and not normal.is_usual_status_of(kind, status)
    }


def bad_lines(observation: RawObservation, normal: Normal) -> list[str]:
    """The lines that tell of an error, and that the target does not write without a fault."""
    usual = normal.log_templates
    return [line for line in observation.logs if BAD_LOG.search(line) and log_template(line) not in usual]
