"""Signs of a defect: status code, log lines, error rate."""

from __future__ import annotations

import logging
import re

from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.scorers.base import Scorer, require
from boifi_core.models import RawObservation

log = logging.getLogger(__name__)

BAD_LOG = re.compile("error|fatal", re.IGNORECASE)


class BugScorer(Scorer):
    """The first rule that holds gives the points: status >= 500: 10; status >= 400: 8; a log line with ERROR or FATAL
    in any case: 6; an error rate above 0: 3.

    A field that the observation lacks skips its rules, so that a degraded observation is scored on its sound fields.
    """

    def parts(self, observation: RawObservation, baseline: RawObservation | Normal | None = None) -> dict[str, float]:
        require(observation)
        if observation.status_code is None:
            log.warning("no status code observed: scored on logs and error rate alone")
        parts = _first_rule(observation)
        log.debug("bug: %s", parts)
        return parts


def _first_rule(observation: RawObservation) -> dict[str, float]:
    status_code = observation.status_code or 0
    if status_code >= 500:
        return {"bug.status_5xx": 10.0}
    if status_code >= 400:
        return {"bug.status_4xx": 8.0}
    if any(BAD_LOG.search(line) for line in observation.logs):
        return {"bug.logs": 6.0}
    if observation.error_rate:
        return {"bug.error_rate": 3.0}
    return {}
