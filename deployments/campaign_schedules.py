"""The campaigns of a data dir as Prefect deployments, with their schedules."""

from __future__ import annotations

import asyncio

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule

from boifi_core.campaign import CampaignFolder, campaigns_in
from boifi_core.errors import BoifiError, counted
from boifi_core.storage import Place
from deployments.deploy import put_deployment
from deployments.logs import log
from flows.campaign import campaign
from flows.night_times import next_night


class Schedules:
    """The campaigns of a data dir as deployments, `campaign/<name>`, each with its schedule."""

    def __init__(self, data: Place) -> None:
        self._data = data
        self._known: dict[str, int] = {}

    def forget(self) -> None:
        """Deploy all of them the next time: Prefect has lost them."""
        self._known.clear()

    async def renew(self, client: PrefectClient) -> None:
        """Deploy the campaigns that are new or have changed since the last time."""
        for place in await asyncio.to_thread(campaigns_in, self._data):
            changed = await asyncio.to_thread(place.changed_ns)
            if self._known.get(place.path.name) != changed:
                try:
                    await _deploy(client, place)
                except BoifiError as error:
                    log.error("campaign %s is not scheduled: %s", place.path.name, error)
                self._known[place.path.name] = changed


async def _deploy(client: PrefectClient, place: CampaignFolder) -> None:
    config = await asyncio.to_thread(place.config)
    await asyncio.to_thread(next_night, config)
    when = config.schedule
    schedules = []
    if when is not None:
        cron = CronSchedule(cron=when.cron, timezone=when.timezone)
        schedules = [DeploymentScheduleCreate(schedule=cron, active=True)]
    await put_deployment(
        client,
        campaign,
        name=config.name,
        description=f"Campaign {config.name}: {counted(len(config.sessions), 'session')}.",
        parameters={"folder": str(place.path)},
        schedules=schedules,
        tags=[f"campaign:{config.name}"],
    )
    log.info("campaign %s: %s", config.name, f"{when.cron} {when.timezone}" if when else "no schedule")
