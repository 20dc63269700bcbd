"""Campaigns in Prefect: their schedules, and what becomes of the runs of nights."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import AwaitingRetry, Cancelled, Completed, Failed
from prefect.utilities.callables import parameter_schema

from boifi_core.campaign import CampaignFolder, Night, campaigns_in
from boifi_core.campaign.report import summary
from boifi_core.errors import BoifiError
from boifi_core.session.folder import SessionFolder
from boifi_core.storage import Place, place_of
from deployments.logs import log
from deployments.names import WORK_POOL
from deployments.reconcile.decide import STARTING_S
from flows.campaign import campaign

MOST_STARTS = 10
"""How often the process of one night may be started again."""

_ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)


class Schedules:
    """The campaigns of a data dir as deployments, `campaign/<name>`, each with its schedule."""

    def __init__(self, data: Place) -> None:
        self._data = data
        self._known: dict[str, int] = {}

    async def renew(self, client: PrefectClient) -> None:
        """Deploy the campaigns that are new or have changed since the last time."""
        for place in await asyncio.to_thread(campaigns_in, self._data):
            changed = await asyncio.to_thread(place.changed_ns)
            if self._known.get(place.path.name) != changed:
                try:
                    await _deploy(client, place)
                except (BoifiError, ValueError) as error:
                    log.error("campaign %s is not scheduled: %s", place.path.name, error)
                self._known[place.path.name] = changed


async def _deploy(client: PrefectClient, place: CampaignFolder) -> None:
    config = await asyncio.to_thread(place.config)
    when = config.schedule
    schedules = []
    if when is not None:
        cron = CronSchedule(cron=when.cron, timezone=when.timezone)
        schedules = [DeploymentScheduleCreate(schedule=cron, active=True)]
    await client.create_deployment(
        flow_id=await client.create_flow(campaign),
        name=config.name,
        description=f"Campaign {config.name}: {len(config.sessions)} sessions.",
        entrypoint=f"{campaign.fn.__module__}.{campaign.fn.__name__}",
        work_pool_name=WORK_POOL,
        parameters={"folder": str(place.path)},
        schedules=schedules,
        tags=[f"campaign:{config.name}"],
        parameter_openapi_schema=parameter_schema(campaign).model_dump_for_openapi(),
    )
    log.info("campaign %s: %s", config.name, f"{when.cron} {when.timezone}" if when else "no schedule")


def campaign_folder(parameters: dict[str, object]) -> CampaignFolder | None:
    """The campaign that a flow run with these parameters runs a night of, if it can be seen from this machine."""
    path = parameters.get("folder")
    place = CampaignFolder(place_of(path)) if isinstance(path, str) else None
    return place if place is not None and place.is_made else None


def night_of(place: CampaignFolder, flow_run: FlowRun) -> Night | None:
    """The night that this flow run began."""
    return next((night for night in place.nights() if night.flow_run_id == str(flow_run.id)), None)


async def settle_night(
    client: PrefectClient, flow_run: FlowRun, place: CampaignFolder, *, is_over: bool, pending_s: float
) -> None:
    """Go on with a night whose process died, a bounded number of times; tell Prefect of one that has ended."""
    state = flow_run.state
    if state is None or state.type in (*_ENDED, StateType.SCHEDULED, StateType.PAUSED):
        return
    if await asyncio.to_thread(place.is_held):
        return
    night = await asyncio.to_thread(night_of, place, flow_run)
    if night is not None and night.ended_at is not None:
        ended = Cancelled if night.problem == "cancelled" else Failed if night.problem else Completed
        await client.set_flow_run_state(flow_run.id, ended(message=summary(night)), force=True)
        return
    in_state_s = (datetime.now(UTC) - state.timestamp).total_seconds()
    allowed_s = pending_s if state.type is StateType.PENDING else STARTING_S
    if state.type is not StateType.CRASHED and not is_over and in_state_s < allowed_s:
        return
    if flow_run.run_count > MOST_STARTS:
        died: State[Any] = Failed(message=f"its process died {flow_run.run_count} times")
        await client.set_flow_run_state(flow_run.id, died, force=True)
    else:
        await client.set_flow_run_state(flow_run.id, AwaitingRetry(scheduled_time=datetime.now(UTC)), force=True)


def cancel_night(place: CampaignFolder, flow_run: FlowRun) -> None:
    """End the night of this flow run: its sessions end after their running trials, and it is over."""
    night = night_of(place, flow_run)
    if night is None or night.ended_at is not None:
        return
    for session in night.sessions:
        if session.session_id is not None and not session.is_over:
            SessionFolder(place.data / "sessions" / session.session_id).request_stop()
    place.write(night.model_copy(update={"ended_at": datetime.now(UTC), "problem": "cancelled"}))
