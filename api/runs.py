"""Sessions as flow runs: the one place that speaks with Prefect."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

import httpx

from api.index import RUN, Index
from boifi_core.errors import BoifiError
from boifi_core.folder import SessionFolder, write_atomically
from boifi_core.models import SessionState, SessionStatus
from boifi_core.session import progress, stored_config

DEPLOYMENT = "session/boifi"
"""The deployment that runs one session, from its folder."""

TIMEOUT_S = 10.0
AT_ONCE = 4
LONGEST_PAUSE_S = 15.0

_log = logging.getLogger("boifi.runs")


class PrefectUnavailable(BoifiError):
    """Prefect does not answer, or has no deployment of ours yet; trying again may help."""

    safe_to_retry = True


async def start(folder: SessionFolder) -> str:
    """Have Prefect run the session in `folder`; returns the flow run's id, and keeps it in `run.json`.

    Repeating is harmless: one session has one flow run.

    Raises:
        PrefectUnavailable: not now.
    """
    session_id = folder.session_id
    name = str(folder.session()["config"]["name"])
    try:
        client_of = _clients()
        async with client_of(httpx_settings={"timeout": TIMEOUT_S}) as client:
            deployment = await client.read_deployment_by_name(DEPLOYMENT)
            run = await client.create_flow_run_from_deployment(
                deployment.id,
                parameters={"folder": str(folder.path)},
                name=f"{name}-{session_id[:8]}",
                tags=[f"session:{session_id}"],
                idempotency_key=f"session:{session_id}",
            )
    except Exception as error:
        raise _unavailable(error) from error
    await asyncio.to_thread(write_atomically, folder.path / RUN, json.dumps({"flow_run_id": str(run.id)}))
    return str(run.id)


async def check() -> None:
    """See that a session could be started: Prefect answers, and has our deployment.

    Raises:
        PrefectUnavailable: it could not.
    """
    try:
        client_of = _clients()
        async with client_of(httpx_settings={"timeout": TIMEOUT_S}) as client:
            await client.read_deployment_by_name(DEPLOYMENT)
    except Exception as error:
        raise _unavailable(error) from error


def end_unstarted(folder: SessionFolder) -> None:
    """End a session that has no flow run: nobody else would.

    Its stop request stays: a flow run that is being made for it at this moment ends at once.
    """
    stored = folder.session()
    config = stored_config(folder)
    with folder.held():
        folder.write_state(
            SessionState(
                session_id=folder.session_id,
                name=config.name,
                status=SessionStatus.COMPLETED,
                reason="stopped before it began",
                created_at=datetime.fromisoformat(stored["created_at"]),
                updated_at=datetime.now(UTC),
                progress=progress((), config.total_trials),
            )
        )


class Launcher:
    """Starts the sessions that were asked for, for as long as it takes: recorded first, started after."""

    def __init__(self, index: Index) -> None:
        self._index = index

    async def work(self) -> None:
        """Start what has no flow run yet; after a failure, again and again, ever less often."""
        pause_s = 1.0
        while True:
            self._index.unstarted.clear()
            waiting = await self._index.store.unstarted()
            left = await self._start_all(waiting)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S) if left else 1.0
            try:
                await asyncio.wait_for(self._index.unstarted.wait(), pause_s if left else LONGEST_PAUSE_S)
            except TimeoutError:
                continue

    async def _start_all(self, session_ids: list[str]) -> bool:
        """Whether some could not be started."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(session_id: str) -> bool:
            async with slots:
                return await self._start(session_id)

        return not all(await asyncio.gather(*(one(session_id) for session_id in session_ids)))

    async def _start(self, session_id: str) -> bool:
        folder = self._index.folder(session_id)
        try:
            run_id = await start(folder)
        except BoifiError as error:
            _log.warning("session %s is not started yet: %s", session_id, error, extra={"session_id": session_id})
            await self._index.store.note(session_id, f"not started yet: {error}")
            return not folder.path.exists()
        _log.info("session %s is flow run %s", session_id, run_id, extra={"session_id": session_id})
        await self._index.refresh(session_id)
        return True


def _clients() -> Any:
    """Prefect's client; imported at the first use, since that takes longer than the facade's own start."""
    if not os.environ.get("PREFECT_API_URL"):
        raise PrefectUnavailable("PREFECT_API_URL must be set")  # the client would start a server of its own
    from prefect.client.orchestration import get_client

    return get_client


def _unavailable(error: Exception) -> PrefectUnavailable:
    if isinstance(error, PrefectUnavailable):
        return error
    if type(error).__name__ == "ObjectNotFound":
        return PrefectUnavailable(f"Prefect has no deployment {DEPLOYMENT} yet")
    if isinstance(error, (httpx.HTTPError, OSError)):
        return PrefectUnavailable(f"Prefect does not answer ({type(error).__name__})")
    if type(error).__module__.startswith("prefect."):
        return PrefectUnavailable(f"Prefect refuses ({type(error).__name__})")
    raise error
