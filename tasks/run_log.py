"""What happens in a session, in the log of its flow run."""

from __future__ import annotations

import logging
from typing import Any

from boifi_core.models import Trial
from boifi_core.session.events import (
    BaselineSeen,
    ControlMissing,
    Ended,
    Event,
    Handler,
    Note,
    PhaseRemark,
    Recorded,
    SweepFailed,
    Waiting,
)


def run_log(log: logging.Logger | logging.LoggerAdapter[Any]) -> Handler:
    """Writes a line for what is worth one. What a signal's handler tells is not: it may have interrupted another."""

    def write(event: Event) -> None:
        match event:
            case BaselineSeen():
                log.info("baseline: severity %.1f", event.severity)
            case Recorded():
                log.info("trial %d: %s", event.trial.trial, _summary(event.trial))
            case ControlMissing():
                log.warning("no fault-free run before trial %d: %s", event.trial, event.why)
            case PhaseRemark():
                log.info("%s is %s", event.phase, event.why)
            case SweepFailed():
                log.warning("last sweep: %s", event.why)
            case Note(is_warning=True):
                log.warning("%s", event.text)
            case Note() | Waiting():
                log.info("%s", event.text)
            case Ended():
                log.info("session %s: %s", event.state.status, event.state.reason)

    return write


def _summary(trial: Trial) -> str:
    fault = " + ".join(map(str, trial.plans)) or "no fault"
    return f"{trial.status}, severity {trial.severity if trial.severity is not None else '-'}: {fault}"
