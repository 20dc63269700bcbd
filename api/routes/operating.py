"""What operators ask: alive, ready, how it goes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from api.auth import Reader
from api.dependencies import Dependencies, Here
from api.errors import ApiError, documented
from api.models import Health, Ready
from api.reference import page
from api.routes.sessions import NoQuery
from boifi_core.errors import BoifiError
from boifi_core.storage.data_dir import why_not_written

router = APIRouter(tags=["operating"])


@router.get("/health", summary="Alive", responses=documented(422))
async def health(_query: Annotated[NoQuery, Query()]) -> Health:
    """The facade answers."""
    return Health()


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The OpenAPI document for people."""
    return page(request.app.openapi())


@router.get("/ready", summary="Sessions can be started", responses=documented(422))
async def ready(here: Here, _query: Annotated[NoQuery, Query()]) -> Ready:
    """The database answers, data dir and state can be written, all sessions on disk are read, and Prefect answers,
    with our deployment and a worker that is alive."""
    try:
        await _check(here)
    except ApiError as error:
        here.readiness.tell(error.body.error.message)
        raise
    here.readiness.tell("ready")
    return Ready()


async def _check(here: Dependencies) -> None:
    try:
        await here.store.ping()
    except (SQLAlchemyError, OSError) as error:
        raise ApiError(503, "not ready: the database does not answer", code="not_ready") from error
    if not here.index.complete:
        raise ApiError(503, "not ready: the sessions on disk are still being read", code="not_ready")
    for what, place in here.settings.written.items():
        if why := await asyncio.to_thread(why_not_written, place):
            raise ApiError(503, f"not ready: {what} cannot be written ({why})", code="not_ready")
    try:
        await here.prefect.check_worker()
    except BoifiError as error:
        raise ApiError(503, f"not ready: {error}", code="not_ready") from error


@router.get(
    "/metrics", summary="Metrics for Prometheus", response_class=Response,
    responses={**documented(422), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)  # fmt: skip
async def metrics(caller: Reader, here: Here, _query: Annotated[NoQuery, Query()]) -> Response:
    """Sessions by status, trials, step durations, severity, executor errors and retries, waiting, API latency."""
    text = here.metrics.text(await here.store.by_status(), await here.store.waiting())
    return Response(text, media_type=CONTENT_TYPE_LATEST)
