"""What is still queued for Prefect's API in this process: events of task runs, and lines of their logs."""

from __future__ import annotations

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker


def drain(timeout_s: float) -> None:
    """Send it, each kind within this time."""
    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=timeout_s)
