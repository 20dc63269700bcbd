"""Puts the work pool and the deployments into Prefect; repeating it changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

from boifi_core.settings import ServiceSettings
from boifi_core.storage import Place
from deployments.fork_server.worker import ForkingWorker
from deployments.logs import log
from deployments.names import DEPLOYMENT, WORK_POOL
from flows.campaign import campaign
from flows.session import session
from flows.upkeep import upkeep

UPKEEP_EVERY = timedelta(minutes=5)


class Deployed:
    """Keeps pool and deployments in Prefect, whatever becomes of its database.

    Args:
        put: puts them there; returns the id of the deployment of sessions.
        again: called where they had to be put there once more: all else that Prefect knew of us is lost too.
    """

    def __init__(self, put: Callable[[PrefectClient], Awaitable[UUID]], again: Callable[[], None]) -> None:
        self._put = put
        self._again = again
        self._id: UUID | None = None
        self._one_by_one = asyncio.Lock()

    async def look(self, client: PrefectClient) -> None:
        """Put them there unless they are."""
        async with self._one_by_one:
            if self._id is not None and await _is_there(client, self._id):
                return
            if self._id is not None:
                log.warning("Prefect has lost our deployments; they are made again")
                self._again()
            self._id = await self._put(client)


async def _is_there(client: PrefectClient, deployment_id: UUID) -> bool:
    try:
        found = await client.read_deployment_by_name(f"{session.name}/{DEPLOYMENT}")
    except ObjectNotFound:
        return False
    return found.id == deployment_id and found.work_pool_name == WORK_POOL


async def deploy(client: PrefectClient, data: Place, *, with_schedules: bool) -> UUID:
    """Make the work pool, if it is not there, and all deployments, as they are in this version.

    Returns the id of the deployment of sessions.

    Args:
        data: the data dir that is looked after, every `UPKEEP_EVERY`.
        with_schedules: whether it is.
    """
    with suppress(ObjectAlreadyExists):  # whatever its type is: elsewhere it is one of Prefect's own
        await client.create_work_pool(
            WorkPoolCreate(
                name=WORK_POOL,
                type=ForkingWorker.type,
                base_job_template=ForkingWorker.get_default_base_job_template(),
            )
        )
    return await deploy_flows(client, data, with_schedules=with_schedules)


async def deploy_flows(client: PrefectClient, data: Place, *, with_schedules: bool) -> UUID:
    """Make all deployments, as they are in this version; the work pool is there. Otherwise as `deploy`."""
    await put_deployment(client, campaign)
    often = [DeploymentScheduleCreate(schedule=IntervalSchedule(interval=UPKEEP_EVERY), active=True)]
    await put_deployment(
        client,
        upkeep,
        parameters={"data": str(data), "life_s": ServiceSettings().session_life_s},
        schedules=often if with_schedules else [],
    )
    return await put_deployment(client, session)  # the last: where it is, all are


async def put_deployment(
    client: PrefectClient,
    flow: Flow[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    **more: Any,
) -> UUID:
    """Make this deployment of a flow, or let the one that is there be so; `more` as for `create_deployment`.

    Returns its id.

    Args:
        name: that of all deployments which are no campaign's, if not given.
    """
    return await client.create_deployment(
        flow_id=await client.create_flow(flow),
        name=name or DEPLOYMENT,
        description=description or flow.description,
        # As a module's: Prefect's own workers import it from wherever BOIFI is installed.
        entrypoint=f"{flow.fn.__module__}.{flow.fn.__name__}",
        work_pool_name=WORK_POOL,
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        **more,
    )
