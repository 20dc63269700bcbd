"""A Prefect worker that forks each run from a process in which everything is imported already.

A spawned process would cost seconds and some 190 MB for each session; a forked one costs half a second and some 55 MB.
Elsewhere Prefect's own worker types carry out the same deployments.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import anyio
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from boifi_core.errors import BoifiError
from boifi_core.target_lock import target_name
from deployments.child import session_folder
from deployments.names import WORKER_TYPE
from deployments.nursery import Nursery, Process

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse

AT_ONE_TARGET = 5
"""How many sessions of one target are carried out at a time: one has it, the others wait for it and say so.

Further ones are not begun, so that they keep no session of another target from its turn.
"""


class ForkedJob(BaseJobConfiguration):
    """How a run is carried out: a fork has all it needs, so Prefect is asked for nothing."""

    @classmethod
    async def resolve_for_flow_run(cls, flow_run: FlowRun, **_known: Any) -> Self:
        """The same for every run."""
        job = cls()
        job.prepare_for_flow_run(flow_run)
        return job


class ForkingWorker(BaseWorker[ForkedJob, BaseVariables, BaseWorkerResult]):
    """Carries out the runs of a work pool of its type in forked processes of this machine.

    Attributes:
        processes: those that run now, by flow run.
        after: called with each flow run whose process has ended; it settles what becomes of the run.
        is_ending: no new run is begun.
    """

    type = WORKER_TYPE
    job_configuration = ForkedJob
    _description = "Forks each run from a process that has everything imported. Made for many sessions on one machine."
    _display_name = "BOIFI, forking"

    def __init__(
        self, *arguments: Any, nursery: Nursery, after: Callable[[FlowRun], Awaitable[None]], **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self.processes: dict[UUID, Process] = {}
        self.after = after
        self.is_ending = False
        self._nursery = nursery
        self._one_by_one = asyncio.Lock()
        self._flow_names: dict[UUID, str] = {}
        self._targets: dict[UUID, str] = {}

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Carry out what is due and finds room."""
        async with self._one_by_one:  # what a look has found is on its way before the next look
            return [] if self.is_ending else await super().get_and_submit_flow_runs()

    async def _submit_scheduled_flow_runs(self, flow_run_response: list[WorkerFlowRunResponse]) -> list[FlowRun]:
        under_way = self.processes.keys() | self._submitting_flow_run_ids
        self._targets = {run_id: target for run_id, target in self._targets.items() if run_id in under_way}
        return await super()._submit_scheduled_flow_runs([each for each in flow_run_response if self._finds_room(each)])

    def _finds_room(self, due: WorkerFlowRunResponse) -> bool:
        target = _target_of(due.flow_run)
        if target is None or due.flow_run.id in self._targets:
            return True
        if Counter(self._targets.values())[target] >= AT_ONE_TARGET:
            return False
        self._targets[due.flow_run.id] = target
        return True

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ForkedJob,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> BaseWorkerResult:
        """Run the flow run in a process of its own, and settle what becomes of it when that has ended."""
        process = await self._nursery.fork(str(flow_run.id), await self._flow_name(flow_run))
        self.processes[flow_run.id] = process
        identifier = f"{socket.gethostname()}:{process.pid}"
        if task_status is not None:
            task_status.started(identifier)
        try:
            await process.ended.wait()
            await self.after(flow_run)
        finally:
            del self.processes[flow_run.id]
        # Whatever it ended with, the run is settled: the base class must not call it crashed.
        return BaseWorkerResult(status_code=0, identifier=identifier)

    async def _flow_name(self, flow_run: FlowRun) -> str:
        if flow_run.flow_id not in self._flow_names:
            self._flow_names[flow_run.flow_id] = (await self.client.read_flow(flow_run.flow_id)).name
        return self._flow_names[flow_run.flow_id]


def _target_of(flow_run: FlowRun) -> str | None:
    """The target that a session is about to wait for; None for other runs, and for a session that only has to end."""
    folder = session_folder(flow_run.parameters)
    if folder is None or folder.stop_requested() or folder.cancel_requested():
        return None
    try:
        return target_name(folder.session()["config"]["executor"]["endpoint"])
    except (BoifiError, KeyError, TypeError, ValueError):
        return None  # whoever runs it will say what is wrong with it
