"""`/v1/optimization/sessions`: create, list, look, stop, delete."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.answers import RECENT, links, summary, whole
from api.auth import Admin, Caller, Reader, Runner
from api.dependencies import Dependencies, Here
from api.errors import ApiError, documented
from api.heavy import end_unstarted, made, reopened, validated
from api.models import (
    CreateSessionRequest,
    CreateSessionResponse,
    ResumeResponse,
    SessionList,
    SessionStatusResponse,
    StopResponse,
    ValidationResponse,
)
from api.runs import PrefectUnavailable
from api.store import Claim
from api.strict_json import StrictRoute
from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.models import ENDED, SessionStatus
from boifi_core.session.events import Asked
from boifi_core.session.folder import REQUEST, SessionFolder, SessionHeld

router = APIRouter(prefix="/v1/optimization/sessions", tags=["sessions"], route_class=StrictRoute)

_SOUND_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")

LETS_GO_S = 2.0
"""How long the process of a session that has just ended may still hold it, seconds."""

SessionId = Annotated[str, Path(description="The session's id.", examples=["9b2f6a1e-4c55-4a53-9d0e-7c1a2f3b4d5e"])]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="The same key with the same body answers with the session that it made the first time.",
    ),
]


class PageQuery(BaseModel):
    """Which sessions of the list."""

    model_config = ConfigDict(extra="forbid")

    status: SessionStatus | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=400, description="The `next` of the page before.")


class NoQuery(BaseModel):
    """A route that takes no query."""

    model_config = ConfigDict(extra="forbid")


async def found(session_id: SessionId, here: Here) -> Any:
    """A session's row, as its folder is now."""
    if _SOUND_ID.fullmatch(session_id):
        folder = here.index.folder(session_id)
        if await asyncio.to_thread(lambda: folder.is_made):
            await here.index.refresh(session_id)
            row = await here.store.session(session_id)
            if row is not None:
                return row
            if damage := here.index.damage(session_id):
                raise ApiError(503, damage)
    raise ApiError(404, "there is no session with this id")


Found = Annotated[Any, Depends(found)]


@router.post("", status_code=202, summary="Start a session", responses=documented(400, 409, 415, 422))
async def create(
    request: CreateSessionRequest,
    caller: Runner,
    here: Here,
    response: Response,
    _query: Annotated[NoQuery, Query()],
    idempotency_key: IdempotencyKey = None,
) -> CreateSessionResponse:
    """Record a session, and have Prefect run it: its status is PENDING until it does."""
    session_id = str(uuid.uuid4())
    if idempotency_key is not None:
        claim = await _claimed(here, caller, idempotency_key, request, session_id)
        if claim.session_id != session_id:
            earlier = await _earlier(here, claim)
            if earlier is not None:
                response.headers["Idempotency-Replayed"] = "true"
                return _created(here, earlier.id, SessionStatus(earlier.status), earlier.flow_run_id)
            session_id = claim.session_id  # whoever took the key died before it made the session
    try:
        await _check_room(here)
        kept = {"caller": caller.name, "idempotency_key": idempotency_key, "digest": _digest(request)}
        others = {REQUEST: json.dumps(kept)}
        target, warnings = await here.checks.run(made, request, here.settings.shared, session_id, others)
    except BaseException:
        if idempotency_key is not None and not await asyncio.to_thread(lambda: here.index.folder(session_id).is_made):
            await here.store.release(session_id)
        raise
    await here.index.refresh(session_id)
    here.events.emit(Asked(session_id, "created", caller.name, {"target": target}))
    return _created(here, session_id, SessionStatus.PENDING, None, warnings)


@router.post("/validate", summary="Check a request without starting anything", responses=documented(400, 415, 422))
async def validate(
    request: CreateSessionRequest,
    caller: Runner,
    here: Here,
    _query: Annotated[NoQuery, Query()],
) -> ValidationResponse:
    """Everything that `POST` would refuse is refused here too; nothing is asked of the target."""
    return await here.checks.run(validated, request, here.settings.shared)


@router.get("", summary="List sessions, newest first", responses=documented(422))
async def list_sessions(query: Annotated[PageQuery, Query()], caller: Reader, here: Here) -> SessionList:
    """A page of sessions."""
    status = None if query.status is None else query.status.value
    page = await here.store.page(status, query.limit, query.cursor)
    return SessionList(sessions=tuple(summary(row) for row in page.sessions), total=page.total, next=page.next)


@router.get("/{session_id}", summary="Look at a session", responses=documented(404, 422))
async def get(row: Found, caller: Reader, here: Here, _query: Annotated[NoQuery, Query()]) -> SessionStatusResponse:
    """Status, progress, best result, time left, links."""
    return whole(row, await here.store.ends(row.id, RECENT), here.settings.prefect_ui)


@router.post("/{session_id}/stop", status_code=202, summary="Stop a session", responses=documented(404, 409, 422))
async def stop(row: Found, caller: Runner, here: Here, _query: Annotated[NoQuery, Query()]) -> StopResponse:
    """The running trial is finished, then the session ends COMPLETED. Asking again changes nothing."""
    if row.status in ENDED:
        raise ApiError(409, f"the session has ended already: {row.status}", code="already_ended")
    folder = here.index.folder(row.id)
    await asyncio.to_thread(folder.request_stop)
    if row.is_ours_to_start and row.flow_run_id is None:
        await here.checks.run(end_unstarted, folder)
    await here.index.refresh(row.id)
    here.events.emit(Asked(row.id, "stop requested", caller.name))
    return StopResponse(session_id=row.id)


@router.post(
    "/{session_id}/resume", status_code=202, summary="Resume a session", responses=documented(404, 409, 422),
)  # fmt: skip
async def resume(row: Found, caller: Runner, here: Here, _query: Annotated[NoQuery, Query()]) -> ResumeResponse:
    """A session that FAILED, or was stopped or cancelled before it had made all its trials, goes on from where its
    history stands. Asking again changes nothing. 409 where it is running (`running`), about to end (`stopping`), has
    done all it was to do (`complete`), is damaged (`damaged`), may not reach its target any more (`not_allowed`), or
    was begun at a terminal (`not_the_services`)."""
    folder = here.index.folder(row.id)
    if not await asyncio.to_thread(lambda: folder.is_services_own):
        said = f"was begun at a terminal: boifi run SESSION.yaml --resume {row.id} goes on with it"
        raise ApiError(409, said, code="not_the_services")
    if row.status in ENDED:
        await _check_room(here)
    try:
        is_reopened = await here.checks.run(reopened, folder, here.settings.shared)
    except InvalidInput as error:
        raise ApiError(409, str(error), code="not_allowed") from error
    except BoifiError as error:
        code = getattr(error, "code", None)
        if code is None:
            raise
        raise ApiError(409, str(error), code=code) from error
    await here.index.refresh(row.id)
    if is_reopened:
        here.index.unstarted.set()
        here.events.emit(Asked(row.id, "resumed", caller.name))
    return ResumeResponse(
        session_id=row.id, status=SessionStatus.PENDING, links=links(row.id, None, here.settings.prefect_ui)
    )


@router.delete(
    "/{session_id}", status_code=204, response_model=None, summary="Delete a finished session",
    responses=documented(404, 409, 422),
)  # fmt: skip
async def delete(row: Found, caller: Admin, here: Here, _query: Annotated[NoQuery, Query()]) -> None:
    """Remove a session that has ended, with its history and its reports, and what Prefect has of it: its flow runs,
    their logs and artifacts. 503 while Prefect does not answer: nothing is lost, and asking again goes on."""
    if row.status not in ENDED:
        raise ApiError(409, f"only a session that has ended can be deleted; this one is {row.status}", code="not_ended")
    try:
        await asyncio.to_thread(_see_it_free, here.index.folder(row.id))
        await here.prefect.delete(row.id, row.flow_run_id)  # first: what is left of it can be asked for again
        await asyncio.to_thread(_remove, here, row.id)
    except PrefectUnavailable as error:
        raise ApiError(503, f"the session is still there: {error}", headers={"Retry-After": "5"}) from error
    except SessionHeld as error:
        raise ApiError(409, str(error), code="not_ended") from error
    await here.store.forget(row.id)
    here.events.emit(Asked(row.id, "deleted", caller.name))


async def _check_room(here: Dependencies) -> None:
    counts = await here.store.by_status()
    active = sum(number for status, number in counts.items() if status not in ENDED)
    if active >= here.settings.max_active_sessions:
        raise ApiError(
            429,
            f"at most {here.settings.max_active_sessions} sessions may be unfinished at a time",
            code="too_many_sessions",
            headers={"Retry-After": "60"},
        )


def _digest(request: BaseModel) -> str:
    return hashlib.sha256(request.model_dump_json(exclude_unset=True).encode()).hexdigest()


async def _claimed(here: Dependencies, caller: Caller, key: str, request: BaseModel, session_id: str) -> Claim:
    mine = Claim(_digest(request), session_id)
    claim = await here.store.claim(caller.name, key, mine)
    if claim.digest != mine.digest:
        raise ApiError(422, "Idempotency-Key: was used for another request", code="idempotency_key_reused")
    return claim


async def _earlier(here: Dependencies, claim: Claim) -> Any | None:
    """The session that an earlier request with this key made; a moment is given to one that is just being made."""
    for _ in range(20):
        if await asyncio.to_thread(lambda: here.index.folder(claim.session_id).is_made):
            await here.index.refresh(claim.session_id)
            return await here.store.session(claim.session_id)
        await asyncio.sleep(0.05)
    return None


def _created(
    here: Dependencies, session_id: str, status: SessionStatus, run_id: str | None, warnings: list[str] | None = None
) -> CreateSessionResponse:
    return CreateSessionResponse(
        session_id=session_id,
        status=status,
        links=links(session_id, run_id, here.settings.prefect_ui),
        warnings=tuple(warnings or ()),
    )


def _see_it_free(folder: SessionFolder) -> None:
    deadline = time.monotonic() + LETS_GO_S
    while folder.is_held():
        if time.monotonic() > deadline:
            raise SessionHeld(f"session {folder.session_id} is run by another process")
        time.sleep(0.05)


def _remove(here: Dependencies, session_id: str) -> None:
    folder = here.index.folder(session_id)
    deadline = time.monotonic() + LETS_GO_S
    while True:
        try:
            with folder.held():
                return folder.delete()
        except SessionHeld:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
