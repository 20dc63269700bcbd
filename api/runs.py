"""Sessions as flow runs: the one place that speaks with Prefect."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import ssl
from typing import Any

import httpx

from api.index import Index
from boifi_core.errors import BoifiError
from boifi_core.session.folder import SessionFolder
from boifi_core.session.run_file import DEPLOYMENT, ask, flow_run_for, keep_flow_run
from boifi_core.wire.proxies import direct_mounts

TIMEOUT_S = 10.0
CHECK_TIMEOUT_S = 2.0
"""How long Prefect may take to show that it is well, seconds: less than the facade has for its end."""

AT_ONCE = 4
LONGEST_PAUSE_S = 15.0

_FINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
_PAGE = 200

_log = logging.getLogger("boifi.runs")


class PrefectUnavailable(BoifiError):
    """Prefect does not answer, or has no deployment of ours yet; trying again may help."""

    safe_to_retry = True


class NotThere(PrefectUnavailable):
    """What was asked for is not there; of a deployment: not yet."""


class Prefect:
    """Prefect's REST API, as far as the facade needs it.

    Prefect's own client does the same, but takes seconds to import and some 80 MB. The settings of that client that say
    where the API is and how to log in are kept to.
    """

    def __init__(self) -> None:
        self._url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
        self._client = httpx.AsyncClient(
            base_url=self._url,
            headers=_headers(),
            verify=_verify(self._url),
            timeout=TIMEOUT_S,
            mounts=direct_mounts([self._url]),
        )
        self._deployment_id: str | None = None

    async def close(self) -> None:
        await self._client.aclose()

    async def start(self, folder: SessionFolder) -> str:
        """Have Prefect run the session in `folder`; returns the flow run's id, and keeps it in `run.json`.

        Repeating is harmless.

        Raises:
            PrefectUnavailable: not now.
        """
        after = None
        while True:
            run = await self._create(await asyncio.to_thread(flow_run_for, folder, after))
            after = str(run["id"])
            if (run.get("state") or {}).get("type") not in _FINAL:
                break  # else it is one that had ended before the session was resumed
        await asyncio.to_thread(keep_flow_run, folder, after)
        await asyncio.to_thread(ask, folder)
        return after

    async def _create(self, wanted: dict[str, Any]) -> dict[str, Any]:
        known = self._deployment_id
        path = f"/deployments/{known or await self.check()}/create_flow_run"
        try:
            run: dict[str, Any] = await self._call("POST", path, json=wanted)
        except PrefectUnavailable:
            if known is None or self._deployment_id is not None:
                raise
            # It was gone: Prefect may have got another database.
            run = await self._call("POST", f"/deployments/{await self.check()}/create_flow_run", json=wanted)
        return run

    async def delete(self, session_id: str, flow_run_id: str | None) -> None:
        """Remove what Prefect has of a session: its flow runs, with their logs, and their artifacts.

        Repeating is harmless; what is gone already counts as removed.

        Raises:
            PrefectUnavailable: not now; some of it may be gone.
        """
        if not self._url and flow_run_id is None:
            return  # there is no Prefect that could have had some of it
        runs = await self._all("flow_runs", {"flow_runs": {"tags": {"all_": [f"session:{session_id}"]}}})
        ids = {str(run["id"]) for run in runs} | ({flow_run_id} if flow_run_id else set())
        if not ids:
            return
        artifacts = await self._all("artifacts", {"artifacts": {"flow_run_id": {"any_": sorted(ids)}}})
        for artifact in artifacts:
            await self._remove(f"/artifacts/{artifact['id']}")
        for run_id in sorted(ids):
            await self._remove(f"/flow_runs/{run_id}")

    async def _all(self, what: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            some = await self._call("POST", f"/{what}/filter", json={**wanted, "limit": _PAGE, "offset": len(found)})
            found += some
            if len(some) < _PAGE:
                return found

    async def _remove(self, path: str) -> None:
        try:
            await self._call("DELETE", path)
        except NotThere:
            return

    async def check(self) -> str:
        """See that a session could be started: Prefect answers, and has our deployment; returns that one's id.

        Raises:
            PrefectUnavailable: it could not.
        """
        self._deployment_id = str((await self._deployment())["id"])
        return self._deployment_id

    async def check_worker(self) -> None:
        """See that a worker is alive that would carry a session out.

        Raises:
            PrefectUnavailable: none is.
        """
        latest = {"limit": 20, "offset": 0}
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                pool = (await self._deployment()).get("work_pool_name")
                workers = await self._call("POST", f"/work_pools/{pool}/workers/filter", json=latest) if pool else []
        except TimeoutError as error:
            raise PrefectUnavailable(f"Prefect does not answer: {_why(error)}") from error
        if not any(worker["status"] == "ONLINE" for worker in workers):
            raise PrefectUnavailable(f"no worker of the work pool {pool} is alive")

    async def _deployment(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._call("GET", f"/deployments/name/{DEPLOYMENT}")
        return found

    async def _call(self, method: str, path: str, **named: Any) -> Any:
        if not self._url:
            raise PrefectUnavailable("PREFECT_API_URL must be set")
        try:
            answer = await self._client.request(method, path, **named)
            answer.raise_for_status()
            return answer.json() if answer.content else None
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status == httpx.codes.NOT_FOUND:
                self._deployment_id = None
                raise NotThere(f"Prefect has no deployment {DEPLOYMENT} yet") from error
            raise PrefectUnavailable(f"Prefect refuses ({status})") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise PrefectUnavailable(f"Prefect does not answer: {_why(error)}") from error


def _why(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return "no answer in time"
    return "the connection was cut, or it is no Prefect"


def _headers() -> dict[str, str]:
    login, key = os.environ.get("PREFECT_API_AUTH_STRING"), os.environ.get("PREFECT_API_KEY")
    if login:
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    return {"Authorization": f"Bearer {key}"} if key else {}


def _verify(url: str) -> ssl.SSLContext | bool:
    if not url.startswith("https:"):
        return False  # reading the machine's certificates takes longer than a call
    return ssl.create_default_context(cafile=os.environ.get("PREFECT_API_SSL_CERT_FILE"))


class Launcher:
    """Starts the sessions that were asked for, for as long as it takes: recorded first, started after."""

    def __init__(self, index: Index, prefect: Prefect) -> None:
        self._index = index
        self._prefect = prefect

    async def work(self) -> None:
        """Start what has no flow run yet; after a failure, again and again, ever less often."""
        pause_s = 1.0
        while True:
            self._index.unstarted.clear()
            waiting = await self._index.store.unstarted()
            # Prefect starts too when the service does: what waits for that is in order.
            level = logging.INFO if pause_s < LONGEST_PAUSE_S else logging.WARNING
            left = await self._start_all(waiting, level)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S) if left else 1.0
            try:
                await asyncio.wait_for(self._index.unstarted.wait(), pause_s if left else LONGEST_PAUSE_S)
            except TimeoutError:
                continue

    async def _start_all(self, session_ids: list[str], level: int) -> bool:
        """Whether some could not be started, which is logged at this level."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(session_id: str) -> bool:
            async with slots:
                return await self._start(session_id, level)

        return not all(await asyncio.gather(*(one(session_id) for session_id in session_ids)))

    async def _start(self, session_id: str, level: int) -> bool:
        folder = self._index.folder(session_id)
        try:
            run_id = await self._prefect.start(folder)
        except BoifiError as error:
            _log.log(level, "session %s is not started yet: %s", session_id, error, extra={"session_id": session_id})
            await self._index.store.note(session_id, f"not started yet: {error}")
            return not await asyncio.to_thread(lambda: folder.is_made)
        _log.info("session %s is flow run %s", session_id, run_id, extra={"session_id": session_id})
        await self._index.refresh(session_id)
        return True
