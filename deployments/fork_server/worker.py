"""A Prefect worker that forks each run from a process in which everything is imported already.

A spawned process would cost seconds and some 190 MB for each session; a forked one costs half a second and some 55 MB.
Elsewhere Prefect's own worker types carry out the same deployments.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import anyio
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from boifi_core.errors import BoifiError
from boifi_core.models import SessionStatus
from boifi_core.safety.target_lock import target_name
from boifi_core.session.folder import SessionFolder
from boifi_core.session.stored import state_without_holder
from boifi_core.storage import Place, StorageError
from boifi_core.storage.data_dir import why_not_written
from deployments.fork_server.run import session_folder
from deployments.fork_server.server import ForkServer, Process
from deployments.logs import log
from deployments.names import WORKER_TYPE

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse

AT_ONE_TARGET = 5
"""How many sessions of one target are carried out at a time: one has it, the others wait for it and say so.

Further ones are not begun, so that they keep no session of another target from its turn; they say so too.
"""


LOOK_S = 5.0
"""How often it is looked at, while something is due, whether the data dir can be written; seconds."""


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
        self,
        *arguments: Any,
        data: Place,
        fork_server: ForkServer,
        after: Callable[[FlowRun], Awaitable[None]],
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        self.processes: dict[UUID, Process] = {}
        self.after = after
        self.is_ending = False
        self._data = data
        self._why_full: str | None = None
        self._look_at = 0.0
        self._fork_server = fork_server
        self._one_by_one = asyncio.Lock()
        self._flow_names: dict[UUID, str] = {}
        self._places: dict[UUID, _Place] = {}
        self._told: dict[UUID, str] = {}

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Carry out what is due and finds room."""
        async with self._one_by_one:  # what a look has found is on its way before the next look
            return [] if self.is_ending else await super().get_and_submit_flow_runs()

    async def _submit_scheduled_flow_runs(self, flow_run_response: list[WorkerFlowRunResponse]) -> list[FlowRun]:
        under_way = self.processes.keys() | self._submitting_flow_run_ids
        self._places = {run_id: place for run_id, place in self._places.items() if run_id in under_way}
        response = {each.flow_run.id for each in flow_run_response}
        self._told = {run_id: said for run_id, said in self._told.items() if run_id in response}
        if flow_run_response and await self._is_full():
            return []
        due = [each for each in flow_run_response if await self._finds_room(each)]
        return await super()._submit_scheduled_flow_runs(due)

    async def _is_full(self) -> bool:
        """Whether nothing can be written: a session that begins then could only fail."""
        if time.monotonic() < self._look_at:
            return self._why_full is not None
        self._look_at = time.monotonic() + LOOK_S
        why = await asyncio.to_thread(why_not_written, self._data)
        if why != self._why_full:
            self._why_full = why
            said = f"nothing is begun: {self._data} cannot be written ({why})" if why else "what is due is begun again"
            log.warning("%s", said)
        return why is not None

    async def _finds_room(self, due: WorkerFlowRunResponse) -> bool:
        run_id = due.flow_run.id
        try:
            place = await asyncio.to_thread(_place_of, due.flow_run, self._data)
        except StorageError as error:
            log.warning("%s", error)
            return False
        if place is None or run_id in self._places:
            return True
        before = [each.folder.session_id for each in self._places.values() if each.target == place.target]
        if len(before) < AT_ONE_TARGET:
            self._places[run_id] = place
            return True
        said = f"waiting for the target: sessions {', '.join(sorted(each[:8] for each in before))} come first"
        if self._told.get(run_id) != said:
            self._told[run_id] = said
            await asyncio.to_thread(_say, place.folder, said)
        return False

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ForkedJob,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> BaseWorkerResult:
        """Run the flow run in a process of its own, and settle what becomes of it when that has ended."""
        process = await self._fork_server.fork(str(flow_run.id), await self._flow_name(flow_run))
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


@dataclass(frozen=True)
class _Place:
    """Which session a run is, and the target that it is about to wait for."""

    folder: SessionFolder
    target: str


def _place_of(flow_run: FlowRun, data: Place) -> _Place | None:
    """None for other runs, and for a session that only has to end."""
    folder = session_folder(flow_run.parameters, data)
    if folder is None or folder.stop_requested() or folder.cancel_requested():
        return None
    try:
        return _Place(folder, target_name(folder.session()["config"]["executor"]["endpoint"]))
    except (BoifiError, KeyError, TypeError, ValueError):
        return None  # whoever runs it will say what is wrong with it


def _say(folder: SessionFolder, reason: str) -> None:
    try:
        with folder.held():
            folder.write_state(state_without_holder(folder, SessionStatus.PENDING, reason))
    except BoifiError as error:
        log.warning("session %s does not say what it waits for: %s", folder.session_id, error)
