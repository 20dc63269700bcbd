"""The worker's and its sessions' logs: JSON on standard error, one line each, as the facade writes them."""

from __future__ import annotations

import logging
import sys

from boifi_core.json_logs import json_formatter
from boifi_core.models import RawObservation, Trial
from flows.watch import Watcher

log = logging.getLogger("boifi.worker")


def configure() -> None:
    """Send what this process logs of BOIFI to standard error."""
    # Prefect has set up the root logger already, for its API.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_formatter())
    root = logging.getLogger("boifi")
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False


class LoggingWatcher(Watcher):
    """Logs what happens in a session, with the ids of session and trial as fields of their own."""

    def __init__(self, session_id: str) -> None:
        self._log = logging.getLogger("boifi.session")
        self._id = {"session_id": session_id}

    def baseline(self, observation: RawObservation, severity: float) -> None:
        self._log.info("baseline", extra={**self._id, "severity": severity, "latency_ms": observation.latency_ms})

    def trial(self, trial: Trial) -> None:
        told = {"trial": trial.trial, "trial_status": trial.status.value, "severity": trial.severity,
                "phase": trial.phase.value, "reason": trial.reason}  # fmt: skip
        self._log.info("trial", extra={**self._id, **told})

    def note(self, text: str) -> None:
        self._log.info("%s", text, extra=self._id)
