"""A Prefect worker that forks each run from a parent in which everything is imported already.

A spawned process would cost seconds and some 190 MB for each session; a forked one costs half a second and some 55 MB.
Elsewhere Prefect's own worker types carry out the same deployments.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Awaitable, Callable
from multiprocessing.context import ForkServerProcess
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from deployments import child
from deployments.names import WORKER_TYPE

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


class ForkingWorker(BaseWorker[BaseJobConfiguration, BaseVariables, BaseWorkerResult]):
    """Carries out the runs of a work pool of its type in forked processes of this machine.

    Attributes:
        processes: those that run now, by flow run.
        after: called with each flow run whose process has ended; it settles what becomes of the run.
        is_ending: no new run is begun.
    """

    type = WORKER_TYPE
    job_configuration = BaseJobConfiguration
    _description = "Forks each run from a parent that has everything imported. Made for many sessions on one machine."
    _display_name = "BOIFI, forking"

    def __init__(self, *arguments: Any, after: Callable[[FlowRun], Awaitable[None]], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.processes: dict[UUID, ForkServerProcess] = {}
        self.after = after
        self.is_ending = False
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["deployments.preload"])
        self._flow_names: dict[UUID, str] = {}

    def warm_up(self) -> ForkServerProcess:
        """Start the parent, which takes some seconds, before the first run asks for it."""
        process = self._context.Process(target=child.warm_up)
        process.start()
        return process

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        return [] if self.is_ending else await super().get_and_submit_flow_runs()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> BaseWorkerResult:
        """Run the flow run in a process of its own, and settle what becomes of it when that has ended."""
        name = await self._flow_name(flow_run)
        process = self._context.Process(target=child.run_flow_run, args=(str(flow_run.id), name))
        process.start()
        self.processes[flow_run.id] = process
        identifier = f"{socket.gethostname()}:{process.pid}"
        if task_status is not None:
            task_status.started(identifier)
        try:
            await _ended(process)
            await self.after(flow_run)
        finally:
            del self.processes[flow_run.id]
        # Whatever it ended with, the run is settled: the base class must not call it crashed.
        return BaseWorkerResult(status_code=0, identifier=identifier)

    async def _flow_name(self, flow_run: FlowRun) -> str:
        if flow_run.flow_id not in self._flow_names:
            self._flow_names[flow_run.flow_id] = (await self.client.read_flow(flow_run.flow_id)).name
        return self._flow_names[flow_run.flow_id]


async def _ended(process: ForkServerProcess) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()
