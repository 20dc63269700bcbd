"""The worker's process, `python -m deployments.worker DATA_DIR`: forks sessions, and settles what becomes of them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings

from boifi_core.child_process import entitle
from boifi_core.session import run_file
from boifi_core.session.folder import SessionFolder
from boifi_core.storage import IMPATIENT_S, Place, StorageError, patience_s
from deployments import logs
from deployments.campaign_schedules import Schedules
from deployments.deploy import Deployed, deploy
from deployments.fork_server import imports as preload
from deployments.fork_server.run import run_flow_run
from deployments.fork_server.server import ForkServer
from deployments.fork_server.worker import ForkingWorker
from deployments.logs import log
from deployments.names import WORK_POOL, worker_name
from deployments.polling import API_ERRORS, API_POLL_S, CANCEL_POLL_S, SETTLE_POLL_S, brief, every, tell_of_api
from deployments.reconcile.act import held_by_service, interrupt_cancelled, settle, settle_all, terminate
from deployments.settings import place_or_exit, settings_or_exit

QUERY_POLL_S = 1.0
"""How often new runs are asked for, seconds, unless Prefect's own setting says otherwise."""

ASKED_POLL_S = 0.05

HEARTBEAT_S = 10
"""How often the worker tells Prefect that it is alive, seconds; unheard for three times as long it counts as dead."""

BREAK_OFF_S = 45.0
"""How long sessions may take to break their trials off and remove their faults when the worker ends, seconds."""

LAST_WORDS_S = 5.0


async def work(data: Place, limit: int, fork_server: ForkServer, *, with_schedules: bool) -> None:
    """Run sessions until SIGTERM or SIGINT; then break their trials off and leave them resumable."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    async with get_client() as client:
        worker = ForkingWorker(
            work_pool_name=WORK_POOL,
            name=worker_name(os.getpid()),
            limit=limit,
            data=data,
            fork_server=fork_server,
            heartbeat_interval_seconds=HEARTBEAT_S,
            after=lambda flow_run: _after(client, worker, data, flow_run),
        )
        schedules = Schedules(data)
        deployed = Deployed(lambda client: deploy(client, data, with_schedules=with_schedules), schedules.forget)
        jobs = [
            fork_server.listen(),
            _look_when_asked(worker, data),
            _serve(client, worker, deployed),
            every(SETTLE_POLL_S, lambda: deployed.look(client)),
            every(CANCEL_POLL_S, lambda: interrupt_cancelled(client, data, worker.processes)),
            every(SETTLE_POLL_S, lambda: settle_all(client, data, worker.processes.keys())),
        ]
        if with_schedules:
            jobs.append(every(SETTLE_POLL_S, lambda: schedules.renew(client)))
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(job) for job in jobs]
        end = asyncio.create_task(ending.wait())
        done, _ = await asyncio.wait([*tasks, end], return_when=asyncio.FIRST_COMPLETED)
        worker.is_ending = True
        await _break_off(worker, data)
        if end in done:
            _end_in_time()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _take_leave(client, worker.name)
    for task in done - {end}:
        task.result()  # a worker that ended by itself says why


async def _take_leave(client: PrefectClient, name: str) -> None:
    """Let Prefect not count a worker as alive that has just ended."""
    with contextlib.suppress(*API_ERRORS):
        where = {"work_pool_name": WORK_POOL, "name": name}
        await client.request("DELETE", "/work_pools/{work_pool_name}/workers/{name}", path_params=where)


def _end_in_time() -> None:
    """Be gone soon: what is still to be told to a Prefect that may have ended too must not keep this process."""
    last = threading.Timer(LAST_WORDS_S, os._exit, (0,))
    last.daemon = True
    last.start()


async def _serve(client: PrefectClient, worker: ForkingWorker, deployed: Deployed) -> None:
    while True:
        try:
            await deployed.look(client)
            break
        except API_ERRORS as error:
            tell_of_api(error)
            await asyncio.sleep(API_POLL_S)
    with temporary_settings(set_defaults={PREFECT_WORKER_QUERY_SECONDS: QUERY_POLL_S}):
        await worker.start(printer=log.info)


async def _look_when_asked(worker: ForkingWorker, data: Place) -> None:
    """Look for new runs as soon as the facade on this machine has made one: that saves half of `QUERY_POLL_S`."""
    seen = run_file.asked_at(data)
    while True:
        await asyncio.sleep(ASKED_POLL_S)
        asked = run_file.asked_at(data)
        if asked != seen and worker.is_setup:
            try:
                await worker.get_and_submit_flow_runs()
                seen = asked
            except API_ERRORS as error:
                tell_of_api(error)
                await asyncio.sleep(API_POLL_S)


async def _after(client: PrefectClient, worker: ForkingWorker, data: Place, flow_run: FlowRun) -> None:
    if worker.is_ending:
        return  # its session goes on when the service does
    try:
        await settle(client, flow_run, data, is_over=True)
    except API_ERRORS as error:
        log.warning("flow run %s is settled later: Prefect's API: %s", flow_run.id, brief(error))


async def _break_off(worker: ForkingWorker, data: Place) -> None:
    """End all sessions that this machine runs for the service, those of an earlier worker too."""
    for process in worker.processes.values():
        process.terminate()
    own = {process.pid for process in worker.processes.values()}
    held = await asyncio.to_thread(_end_others, data, own)
    deadline = time.monotonic() + BREAK_OFF_S
    while time.monotonic() < deadline:
        are_held = await asyncio.to_thread(lambda: any(map(_is_held, held)))
        if not worker.processes and not are_held:
            return
        if not are_held:
            # Their sessions are closed. What they would still tell Prefect must not come in after a successor's start.
            deadline = min(deadline, time.monotonic() + LAST_WORDS_S)
        await asyncio.sleep(0.1)
    still = [folder.holder() for folder in held if _is_held(folder)]
    for process in worker.processes.values():
        if process.pid not in still:
            process.kill()
    if still:
        log.warning("some sessions have not ended within %g s; they go on by themselves", BREAK_OFF_S)


def _end_others(data: Place, own: Collection[int]) -> list[SessionFolder]:
    """Ask the processes of this machine that run a session to end, except our own; returns all such sessions."""
    try:
        held = held_by_service(data)
        for folder in held:
            if folder.holder() not in own:
                terminate(folder)
    except StorageError as error:
        log.warning("%s", error)
        return []
    return held


def _is_held(folder: SessionFolder) -> bool:
    try:
        return folder.is_held()
    except StorageError:
        return True  # as far as is known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the data dir")
    parser.add_argument("--no-schedules", action="store_true", help="leave the campaigns' schedules alone")
    given = parser.parse_args()
    data, settings = place_or_exit(given.data), settings_or_exit()
    logs.configure()
    entitle("boifi: worker")
    if not isinstance(data, Path):
        import boifi_core.storage.s3  # noqa: F401 - botocore, which is large
    preload.settle_memory()
    os.environ["BOIFI_DATA"] = str(data)  # what a flow finds as its own
    fork_server = ForkServer(partial(run_flow_run, data=data))
    patience_s.set(IMPATIENT_S)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(work(data, settings.sessions_at_once, fork_server, with_schedules=not given.no_schedules))


if __name__ == "__main__":
    main()
