"""Who listens to a session that runs as a Prefect flow."""

from __future__ import annotations

from collections.abc import Iterator

from prefect import get_run_logger

from boifi_core.session.events import Handler
from boifi_core.session.session import Session
from tasks.artifacts import Progress, findings_shown
from tasks.run_log import run_log


def handlers(session: Session) -> Iterator[Handler]:
    """The flow run's log, its progress bar, and what was found; whoever listens here is told already."""
    yield run_log(get_run_logger())
    yield Progress(session)
    yield findings_shown(session)
