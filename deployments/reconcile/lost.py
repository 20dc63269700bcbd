"""Makes flow runs anew where Prefect has lost them: the folders are the truth, whatever became of its database."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from boifi_core.campaign import CampaignFolder, Night, campaigns_in
from boifi_core.session.folder import SessionFolder
from boifi_core.session.run_file import DEPLOYMENT, flow_run_for, flow_run_of, keep_flow_run
from boifi_core.storage import Place
from deployments.logs import log
from deployments.names import DEPLOYMENT as NAME
from deployments.reconcile.decide import STARTING_S
from flows.campaign import campaign, night_tag

LAST_NIGHTS = 3
"""How many of a campaign's nights are looked at: one runs at a time."""


async def renew_sessions(client: PrefectClient, unfinished: Collection[SessionFolder], known: Collection[UUID]) -> None:
    """Make a flow run for each of these sessions that is the service's own, that nobody holds, and that has none.

    Args:
        known: the flow runs that Prefect has of them.
    """
    for folder in unfinished:
        lost = await asyncio.to_thread(_is_lost, folder, known)
        if lost is not None:
            run_id = await _made_anew(client, folder)
            log.warning("%s; it goes on as %s", lost, run_id, extra={"session_id": folder.session_id})


def _is_lost(folder: SessionFolder, known: Collection[UUID]) -> str | None:
    """What is lost of the session's flow run; None where nothing is, or somebody runs it all the same."""
    run_id = flow_run_of(folder)
    if run_id is not None and UUID(run_id) in known:
        return None
    if not folder.is_services_own or folder.is_held():
        return None
    if run_id is not None:
        return f"Prefect has no flow run {run_id} any more"
    # Whoever asked for the session makes its flow run, and is given time.
    is_new = datetime.now(UTC).timestamp() - folder.changed_at() < STARTING_S
    return None if is_new else "which flow run the session was is not known (run.json)"


async def _made_anew(client: PrefectClient, folder: SessionFolder) -> UUID:
    """The session's flow run that has not ended: the one that Prefect has after all, or a new one."""
    deployment = await client.read_deployment_by_name(DEPLOYMENT)
    after = None
    while True:
        wanted = await asyncio.to_thread(flow_run_for, folder, after)
        run = await client.create_flow_run_from_deployment(deployment.id, **wanted)
        if run.state is None or not run.state.is_final():
            await asyncio.to_thread(keep_flow_run, folder, str(run.id))
            return run.id
        after = str(run.id)


async def renew_nights(client: PrefectClient, data: Place) -> None:
    """Let the nights go on, or end with the reason, that the service had begun and whose flow runs are gone."""
    unfinished = list(await asyncio.to_thread(lambda: list(_unfinished_nights(data))))
    ids = [UUID(night.flow_run_id) for _, night in unfinished if night.flow_run_id]
    if not ids:
        return
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids))
    found = await client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=len(ids))
    known = {run.id for run in found}
    for place, night in unfinished:
        if night.flow_run_id and UUID(night.flow_run_id) not in known:
            await _go_on(client, place, night)


def _unfinished_nights(data: Place) -> Iterator[tuple[CampaignFolder, Night]]:
    for place in campaigns_in(data):
        for night in place.nights(LAST_NIGHTS):
            if night.ended_at is None and night.is_services_own and not place.is_held():
                yield place, night


async def _go_on(client: PrefectClient, place: CampaignFolder, night: Night) -> None:
    deployment = await client.read_deployment_by_name(f"{campaign.name}/{NAME}")
    run: FlowRun = await client.create_flow_run_from_deployment(
        deployment.id,
        parameters={"folder": str(place.path)},
        tags=[f"campaign:{night.campaign}", night_tag(night)],
        idempotency_key=f"{night_tag(night)} after {night.flow_run_id}",
    )
    if run.state is not None and run.state.is_final():
        problem = run.state.message or f"its flow run ended {run.state.name}"
        ended = night.model_copy(update={"ended_at": datetime.now(UTC), "problem": problem})
        await asyncio.to_thread(place.write, ended)
    said = "Prefect has no flow run %s any more; night %s of campaign %s goes on as %s"
    log.warning(said, night.flow_run_id, night.night, night.campaign, run.id)
