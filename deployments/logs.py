"""The worker's and its sessions' logs: JSON on standard error, one line each, as the facade writes them."""

from __future__ import annotations

import logging
import sys
from typing import Any

from boifi_core.json_logs import json_formatter
from boifi_core.session.events import BaselineSeen, Event, Note, PhaseRemark, Recorded, StopAsked, Waiting

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


def session_log(event: Event) -> None:
    """Logs what happens in a session, with the ids of session and trial as fields of their own."""
    told: dict[str, Any]
    match event:
        case BaselineSeen():
            text, told = "baseline", {"severity": event.severity, "latency_ms": event.observation.latency_ms}
        case Recorded(trial=trial):
            text = "trial"
            told = {"trial": trial.trial, "trial_status": trial.status.value, "severity": trial.severity,
                    "phase": trial.phase, "reason": trial.reason}  # fmt: skip
        case Note() | Waiting():
            text, told = event.text, {}
        case PhaseRemark():
            text, told = f"{event.phase} is {event.why}", {}
        case StopAsked():
            text, told = "stop asked for", {}
        case _:
            return
    logging.getLogger("boifi.session").info("%s", text, extra={"session_id": event.session_id, **told})
