"""Settles what becomes of a campaign's flow runs: whose process has ended, who is cancelled."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import AwaitingRetry, Cancelled, Completed, Failed

from boifi_core.campaign import CampaignFolder, Night
from boifi_core.campaign.report import summary
from boifi_core.errors import InvalidInput
from boifi_core.history.readings import times
from boifi_core.session.folder import SessionFolder
from boifi_core.storage import Place
from deployments.reconcile.decide import STARTING_S, in_state_s
from flows.asked import own_campaign

MOST_STARTS = 10
"""How often the process of one night may be started again."""

_ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)


def campaign_folder(parameters: dict[str, object], data: Place) -> CampaignFolder | None:
    """The campaign of this data dir that a flow run with these parameters runs a night of; None where it runs none."""
    try:
        return own_campaign(parameters.get("folder"), data)
    except InvalidInput:
        return None


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
    allowed_s = pending_s if state.type is StateType.PENDING else STARTING_S
    if state.type is not StateType.CRASHED and not is_over and in_state_s(state.timestamp) < allowed_s:
        return
    if flow_run.run_count > MOST_STARTS:
        died: State[Any] = Failed(message=f"its process died {times(flow_run.run_count)}")
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
            SessionFolder.of(place.data, session.session_id).request_stop()
    place.write(night.model_copy(update={"ended_at": datetime.now(UTC), "problem": "cancelled"}))
