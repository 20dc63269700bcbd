"""Rows of the store as answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from api.models import Links, Progress, SessionStatusResponse, SessionSummary
from api.store import moment
from boifi_core.models import ENDED, BestResult, SessionStatus

ROOT = "/v1/optimization/sessions"
RECENT = 21
"""From how many of the latest trials the pace is told."""


def links(session_id: str, flow_run_id: str | None, prefect_ui: str | None) -> Links:
    """Where more of a session is."""
    here = f"{ROOT}/{session_id}"
    run = f"{prefect_ui}/runs/flow-run/{flow_run_id}" if flow_run_id and prefect_ui else None
    return Links(self=here, events=f"{here}/events", trials=f"{here}/trials", report=f"{here}/report", prefect=run)


def summary(row: Any) -> SessionSummary:
    """A session in a list."""
    return SessionSummary(**_fields(row))


def whole(row: Any, ends: Sequence[datetime], prefect_ui: str | None) -> SessionStatusResponse:
    """A session by itself; `ends` is when its latest trials ended, latest first."""
    return SessionStatusResponse(
        **_fields(row), time_left_s=time_left_s(row, ends), links=links(row.id, row.flow_run_id, prefect_ui)
    )


def time_left_s(row: Any, ends: Sequence[datetime]) -> float | None:
    """How long the trials that are left take, at the pace of the latest.

    The median, so that no pause counts, nor a clock that was set.
    """
    if row.status in ENDED:
        return 0.0
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(ends)]
    left = max(0, row.total_iterations - row.current_iteration)
    return round(max(0.0, median(gaps)) * left, 1) if gaps else None


def _fields(row: Any) -> dict[str, Any]:
    return {
        "session_id": row.id,
        "name": row.name,
        "status": SessionStatus(row.status),
        "reason": row.reason,
        "target": row.target,
        "created_at": moment(row.created_us),
        "updated_at": moment(row.updated_us),
        "created_by": row.created_by,
        "progress": Progress(current_iteration=row.current_iteration, total_iterations=row.total_iterations),
        "best_result": None if row.best_result is None else BestResult.model_validate(row.best_result),
    }
