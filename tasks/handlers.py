"""Who listens to a session that runs as a Prefect flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prefect import get_run_logger

from boifi_core.session.events import Handler, Stream, Waiting
from boifi_core.session.folder import SessionFolder
from boifi_core.session.session import Session
from tasks.artifacts import Progress, findings_shown
from tasks.run_log import run_log


def handlers(session: Session) -> Iterator[Handler]:
    """The flow run's log, its progress bar, and what was found; whoever listens here is told already."""
    yield run_log(get_run_logger())
    yield Progress(session)
    yield findings_shown(session)


def teller(folder: SessionFolder) -> Callable[[str], None]:
    """Tells what a session waits for, open or not: whoever listens here, and the flow run's log."""
    events = Stream.here()
    events.add(run_log(get_run_logger()))
    return lambda text: events.emit(Waiting(folder.session_id, text))
