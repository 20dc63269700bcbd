"""What Prefect's UI shows of a session beside its runs: progress, the failures found, the report, and the history."""

from __future__ import annotations

import re
import time
from typing import Any, cast
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from boifi_core.errors import counted
from boifi_core.report import ReportInput
from boifi_core.report.events import Reported
from boifi_core.report.failures import replay_trial, verdict_text
from boifi_core.report.smallest import smallest_text
from boifi_core.report.tables import escape
from boifi_core.session.budget import Budget
from boifi_core.session.events import Ended, Event, Handler, Recorded
from boifi_core.session.session import Session
from boifi_core.storage import uri

SHARE = 0.02
"""Of a session's time, at most so much goes into telling how far it is."""


def artifact_key(name: str, what: str) -> str:
    """The key that an artifact of every session of this name has, and so its versions over all of them.

    Args:
        name: the session's; Prefect takes lower-case letters, digits and dashes, all else becomes a dash.
        what: `progress`, `findings`, `report` or `history`.
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    return "-".join(["boifi", *words, what])


class Progress:
    """A bar that fills as trials are made.

    An update takes some ms of the loop, and much more where the server is busy: the next one waits until no more than
    `SHARE` of the time since goes into it. A server that cannot be asked costs the bar, not the session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._id: UUID | None = None
        self._next_at = 0.0

    def __call__(self, event: Event) -> None:
        """Show how far the session is, unless that was shown a moment ago and it is not over."""
        if not isinstance(event, (Recorded, Ended)):
            return
        began = time.monotonic()
        if isinstance(event, Recorded) and began < self._next_at:
            return
        try:
            self._show(self._session.budget)
        except Exception as error:
            get_run_logger().warning("the progress is not shown: %s", error)
        now = time.monotonic()
        self._next_at = now + (now - began) / SHARE

    def _show(self, budget: Budget) -> None:
        live = self._session
        percent = min(100.0, 100.0 * budget.used / budget.total)
        about = f"{budget.used} of {counted(budget.total, 'trial')} of session {live.session_id}"
        if self._id is None:
            key = artifact_key(live.config.name, "progress")
            # Called outside of a coroutine, it gives the id itself.
            self._id = cast(UUID, create_progress_artifact(progress=percent, key=key, description=about))
        else:
            update_progress_artifact(self._id, progress=percent, description=about)


def findings_shown(session: Session) -> Handler:
    """Publishes what the report says, whenever there is one."""

    def show(event: Event) -> None:
        if isinstance(event, Reported):
            publish(session, event.report, event.markdown)

    return show


def publish(session: Session, report: ReportInput, markdown: str) -> None:
    """Show what a session found: its failures as a table, the whole report, and where its history lies.

    A server that cannot be asked costs these, not the session.

    Args:
        markdown: the report.
    """
    name, about = session.config.name, f"session {report.session_id}, {report.status}"
    history = session.folder.history
    try:
        create_table_artifact(
            table=failure_rows(report),
            key=artifact_key(name, "findings"),
            description=f"The distinct failures that {about}, found",
        )
        create_markdown_artifact(
            markdown=markdown, key=artifact_key(name, "report"), description=f"The report of {about}"
        )
        create_link_artifact(
            link=uri(history),
            link_text=str(history),
            key=artifact_key(name, "history"),
            description=f'`pandas.read_parquet("{history}")` reads the trials of {about}',
        )
    except Exception as error:
        get_run_logger().warning("the findings are not shown: %s", error)


def failure_rows(report: ReportInput) -> list[dict[str, Any]]:
    """One row for each weakness, the surest first; Prefect's UI shows a cell's text as Markdown."""
    return [
        {
            "failure": mode.label,
            "severity": round(mode.severity, 1),
            "verdict": verdict_text(mode),
            "what happens": escape(mode.sentence),
            "smallest fault known": escape(smallest_text(mode)),
            "trials": len(mode.trials),
            "replay": replay_trial(mode),
        }
        for mode in (*report.catalogue.surest_first, *report.catalogue.only_seen)
    ]
