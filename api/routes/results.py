"""What a session has found: its trials, its report, its events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.dependencies import Here
from api.errors import ApiError, documented, invalid
from api.events import Known, events
from api.heavy import exported
from api.models import TrialList
from api.routes.sessions import Found, NoQuery

router = APIRouter(prefix="/v1/optimization/sessions/{session_id}", tags=["results"])

MEDIA = {"jsonl": "application/jsonl", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
CHUNK = 1 << 16
REPORTS = {"md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8", "json": "application/json"}

# The report is one page with its styles and pictures in it; nothing that a session's name could carry is run.
PAGE_RULES = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class TrialsQuery(BaseModel):
    """Which trials, and how."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["json", "jsonl", "csv", "parquet"] = Field(
        default="json", description="`json` is paged; the others are whole files."
    )
    after: int = Field(default=0, ge=0, le=2**31 - 1, description="The number of the last trial that is known.")
    limit: int = Field(default=100, ge=1, le=500)


class ReportQuery(BaseModel):
    """How the report is written."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["md", "html", "json"] = "md"


_text = {"schema": {"type": "string"}}
_event = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["trial", "status", "end"]},
        "id": {"type": "string"},
        "data": {"type": "string", "description": "JSON: a trial, a session as in the list, or the reason it ended."},
    },
    "required": ["event", "data"],
}
_bytes = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/trials",
    summary="A session's trials",
    response_model=TrialList,
    responses={
        **documented(404, 422),
        200: {"content": {MEDIA["jsonl"]: _text, MEDIA["csv"]: _text, MEDIA["parquet"]: _bytes}},
    },
)
async def trials(query: Annotated[TrialsQuery, Query()], caller: Reader, row: Found, here: Here) -> Response:
    """Pages of trials as JSON, without their traces; or all of them as a file: JSON lines, or with all columns of the
    history as CSV or Parquet."""
    if query.format == "json":
        page = await here.store.trials(row.id, query.after, query.limit + 1)
        more = len(page) > query.limit
        kept = page[: query.limit]
        total = await here.store.count_trials(row.id)
        following = json.dumps(kept[-1][0] if more else None)
        # The documents are JSON already.
        text = f'{{"trials":[{",".join(document for _, document in kept)}],"total":{total},"next":{following}}}'
        return Response(text, media_type="application/json")
    for name in ("after", "limit"):
        if name in query.model_fields_set:
            raise invalid(name, "is for format=json")
    headers = {"Content-Disposition": f'attachment; filename="boifi-{row.id[:8]}.{query.format}"'}
    # Made whole before the answer begins, so that what goes wrong is said, and not an answer that breaks off.
    with ExitStack() as stack:
        file = stack.enter_context(NamedTemporaryFile(prefix="boifi-"))
        try:
            await here.results.run(exported, here.index.folder(row.id), query.format, Path(file.name))
        except OSError as error:
            raise ApiError(503, f"the file cannot be made here ({error.strerror})") from error
        pieces = _pieces(stack.pop_all(), file)
    return StreamingResponse(pieces, media_type=MEDIA[query.format], headers=headers)


async def _pieces(stack: ExitStack, file: IO[bytes]) -> AsyncIterator[bytes]:
    with stack:
        while piece := await asyncio.to_thread(file.read, CHUNK):
            yield piece


@router.get(
    "/report",
    summary="A session's report",
    response_class=Response,
    responses={
        **documented(404, 422),
        200: {"content": {"text/markdown": _text, "text/html": _text, "application/json": {"schema": {}}}},
    },
)
async def report(query: Annotated[ReportQuery, Query()], caller: Reader, row: Found, here: Here) -> Response:
    """What was found, as Markdown, HTML or JSON; of a running session, what was found so far: `Age` says how many
    seconds ago, since a new one is made while the last one is shown."""
    report = await here.reports.report(here.index.folder(row.id), row.status, query.format)
    headers = {"Age": str(int(report.age_s))}
    if query.format == "html":
        headers["Content-Security-Policy"] = PAGE_RULES
    return Response(report.text, media_type=REPORTS[query.format], headers=headers)


@router.get(
    "/events",
    summary="A session's events, live",
    response_class=Response,
    responses={
        **documented(404, 422),
        200: {"content": {"text/event-stream": {"schema": _event}}},
        204: {"description": "The reader knows the end already."},
    },
)
async def stream(
    row: Found,
    caller: Reader,
    here: Here,
    _query: Annotated[NoQuery, Query()],
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="The id of the last event that is known.")
    ] = None,
) -> Response:
    """Server-sent events: `trial` for each trial, `status` when that changes, `end`. With `Last-Event-ID` it goes on
    after that event; once the end is known the answer is 204, which tells a browser to stay away."""
    known = Known.parse(last_event_id)
    if known.is_all and known.status == row.status and not await here.store.trials(row.id, known.trial, 1):
        return Response(status_code=204)
    if here.streams.is_full:
        raise ApiError(
            429, f"at most {here.streams.most} streams may be open at a time", code="too_many_streams",
            headers={"Retry-After": "10"},
        )  # fmt: skip
    live = here.streams.counted(events(here.store, here.streams, row.id, known))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(live, media_type="text/event-stream", headers=headers)
