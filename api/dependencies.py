"""What the routes work with, made once for each app."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.events import Streams
from api.index import Index
from api.logs import Readiness
from api.metrics import Metrics
from api.reports import Reports
from api.runs import Prefect
from api.settings import Settings
from api.store import Store
from api.work import Work
from boifi_core.session.events import Stream


@dataclass(frozen=True)
class Dependencies:
    """The facade's parts; `checks` is where requests are checked and carried out, `results` where files are made."""

    settings: Settings
    store: Store
    index: Index
    prefect: Prefect
    checks: Work
    results: Work
    reports: Reports
    metrics: Metrics
    streams: Streams
    events: Stream
    readiness: Readiness = field(default_factory=Readiness)


async def _parts(request: Request) -> Dependencies:
    parts: Dependencies = request.app.state.parts
    return parts


Here = Annotated[Dependencies, Depends(_parts)]
