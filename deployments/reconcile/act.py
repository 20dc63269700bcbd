"""Settles what becomes of flow runs: whose process has ended, whose worker died, who is cancelled."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Completed, Failed

from boifi_core.campaign import CampaignFolder
from boifi_core.errors import BoifiError
from boifi_core.models import SessionState, SessionStatus
from boifi_core.session.folder import SessionDamaged, SessionFolder, summaries
from boifi_core.session.run_file import flow_run_of
from boifi_core.storage import Place
from deployments.fork_server.run import session_folder
from deployments.fork_server.server import Process
from deployments.logs import log
from deployments.names import WORK_POOL
from deployments.reconcile.campaign_runs import campaign_folder, cancel_night, settle_night
from deployments.reconcile.decide import STARTING_S, Act, Seen, decide, in_state_s
from deployments.reconcile.end import count_death, end_session, parts, remove_policies
from deployments.reconcile.lost import renew_nights, renew_sessions

_UNSETTLED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.CRASHED]
_SORT = FlowRunSort.EXPECTED_START_TIME_ASC
_PAGE = 200


async def settle(
    client: PrefectClient, flow_run: FlowRun, data: Place, *, is_over: bool, pending_s: float = STARTING_S
) -> None:
    """Do what has to be done about this flow run, if it is that of a session or a night of this data dir.

    Args:
        is_over: its process is known to have ended.
        pending_s: how long a run may be PENDING before it counts as lost, seconds.
    """
    try:
        folder, place = await asyncio.to_thread(_of, flow_run, data)
        if folder is None and place is None:
            return
        now = await client.read_flow_run(flow_run.id)
        if folder is not None:
            await _settle(client, now, folder, is_over=is_over, pending_s=pending_s)
        elif place is not None:
            await settle_night(client, now, place, is_over=is_over, pending_s=pending_s)
    except ObjectNotFound:
        return
    except BoifiError as error:
        log.warning("%s: %s", flow_run.name, error)


def _of(flow_run: FlowRun, data: Place) -> tuple[SessionFolder | None, CampaignFolder | None]:
    """The session that the flow run runs, or the campaign that it runs a night of.

    That a run names a session's folder does not make it the session's: anybody's may.
    """
    folder = session_folder(flow_run.parameters, data)
    if folder is not None:
        own = flow_run_of(folder)
        is_its = own == str(flow_run.id) or (own is None and folder.is_requested)
        return folder if is_its else None, None
    return None, campaign_folder(flow_run.parameters, data)


async def _settle(
    client: PrefectClient, flow_run: FlowRun, folder: SessionFolder, *, is_over: bool, pending_s: float
) -> None:
    prefect = flow_run.state
    if prefect is None:
        return
    session, is_held, made = await asyncio.to_thread(lambda: (folder.state(), folder.is_held(), parts(folder)))
    seen = Seen(
        prefect=prefect.type,
        message=prefect.message or "",
        in_state_s=in_state_s(prefect.timestamp),
        session=session,
        is_held=is_held,
        is_over=is_over,
        deaths=0,
        pending_s=pending_s,
        starts_in_s=_starts_in_s(prefect),
        is_state_lost=session is None and made > 1,
    )
    what = decide(seen)
    # A run that waited for a process in vain has lost none.
    is_unbegun = prefect.type in (StateType.PENDING, StateType.SCHEDULED) and not is_over
    if what.act is Act.RUN_AGAIN and not is_unbegun:
        what = decide(replace(seen, deaths=await asyncio.to_thread(count_death, folder)))
    if what.act is not Act.LEAVE:
        log.info("%s in Prefect: %s %s", prefect.name, what.act, what.reason, extra={"session_id": folder.session_id})
    if what.act is Act.RUN_AGAIN:
        for problem in await asyncio.to_thread(remove_policies, folder):
            log.warning("%s", problem, extra={"session_id": folder.session_id})
        await client.set_flow_run_state(flow_run.id, AwaitingRetry(scheduled_time=datetime.now(UTC)), force=True)
    elif what.act is Act.END_SESSION:
        for problem in await asyncio.to_thread(end_session, folder, what.reason, what.status):
            log.warning("%s", problem, extra={"session_id": folder.session_id})
        session = await asyncio.to_thread(folder.state)
    if what.act in (Act.END_SESSION, Act.TELL_PREFECT) and session is not None:
        await client.set_flow_run_state(flow_run.id, as_prefect(session), force=True)


def _starts_in_s(state: State) -> float:
    at = state.state_details.scheduled_time
    return 0.0 if at is None else at.timestamp() - datetime.now(UTC).timestamp()


def as_prefect(session: SessionState) -> State:
    """The end of a session, as Prefect calls it."""
    if session.status is SessionStatus.COMPLETED:
        return Completed(message=session.reason)
    return (Cancelled if session.reason == "cancelled" else Failed)(message=session.reason)


async def settle_all(
    client: PrefectClient, data: Place, ours: Collection[UUID], *, pending_s: float = STARTING_S
) -> None:
    """Settle what others left: dead workers, dead machines, whoever cancels in Prefect's UI.

    Args:
        data: the data dir whose unfinished sessions are looked at.
        ours: the flow runs that run in this worker's own processes, which settles them when they end.
        pending_s: as of `settle`.
    """
    live = await _runs(client, FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNSETTLED))))
    unfinished = await asyncio.to_thread(lambda: list(_unfinished(data)))
    named = [UUID(run_id) for run_id in await asyncio.to_thread(lambda: list(map(flow_run_of, unfinished))) if run_id]
    for start in range(0, len(named), _PAGE):
        ids = FlowRunFilterId(any_=named[start : start + _PAGE])
        live += await client.read_flow_runs(flow_run_filter=FlowRunFilter(id=ids), sort=_SORT, limit=_PAGE)
    known = {run.id: run for run in live}
    for flow_run in known.values():
        if flow_run.id not in ours:
            await settle(client, flow_run, data, is_over=False, pending_s=pending_s)
    await renew_sessions(client, unfinished, known.keys())
    await renew_nights(client, data)


async def interrupt_cancelled(client: PrefectClient, data: Place, ours: Mapping[UUID, Process]) -> None:
    """Tell the sessions and nights of this data dir that somebody cancels in Prefect's UI.

    Args:
        ours: the processes of this worker, by flow run.
    """
    wanted = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING]))
    for flow_run in await _runs(client, FlowRunFilter(state=wanted)):
        folder, place = await asyncio.to_thread(_of, flow_run, data)
        is_told = False
        if folder is not None:
            is_told = await asyncio.to_thread(_cancel, folder)
        elif place is not None:
            await asyncio.to_thread(cancel_night, place, flow_run)
        if not is_told and flow_run.id in ours:
            ours[flow_run.id].terminate()


def _cancel(folder: SessionFolder) -> bool:
    """Whether its process is told, or was before."""
    if folder.cancel_requested():
        return True
    folder.request_cancel()
    return terminate(folder)


def terminate(folder: SessionFolder) -> bool:
    """Send SIGTERM to the process of this machine that runs the session; False if there is none."""
    pid = folder.holder()
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def held_by_service(data: Place) -> list[SessionFolder]:
    """The sessions of the data dir that processes of this machine run for the service."""
    return [folder for folder in _unfinished(data) if flow_run_of(folder) is not None and folder.holder() is not None]


def _unfinished(data: Place) -> Iterable[SessionFolder]:
    for folder, summary in summaries(data):
        if isinstance(summary, SessionDamaged):
            if flow_run_of(folder) is not None:
                log.warning("%s", summary, extra={"session_id": folder.session_id})
        elif not summary.is_over:
            yield folder


async def _runs(client: PrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[WORK_POOL]))
    return await client.read_flow_runs(flow_run_filter=wanted, work_pool_filter=pool, sort=_SORT, limit=_PAGE)
