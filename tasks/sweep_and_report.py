"""What a session does beside its trials, as Prefect tasks: sweep policies, write the report."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from boifi_core.models import SessionState
from boifi_core.report import markdown
from boifi_core.report.events import Reported
from boifi_core.report.session_report import write_report_files
from boifi_core.session.leftovers import sweep_dead
from boifi_core.session.session import Session
from tasks.time_limit import time_limit

REPORT_LIMIT_S = 300.0


@task(name="sweep", task_run_name="sweep", cache_policy=NO_CACHE)
def sweep(session: Session) -> list[str]:
    """Remove what is left of this session's policies, and of those of sessions that nobody holds any more."""
    return sweep_dead(session)


@task(name="report", task_run_name="report", cache_policy=NO_CACHE)
def write_report(session: Session, state: SessionState | None = None) -> None:
    """Write report.md and report.html into the session's folder, and tell of it.

    Args:
        state: as for `report_input`; it need not be written yet.
    """
    with time_limit(REPORT_LIMIT_S, "the report was not written"):
        report = write_report_files(session.folder, state)
    session.tell(Reported(session.session_id, report, markdown(report)))
