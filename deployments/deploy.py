"""Puts the work pool and the deployments into Prefect; repeating it changes nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import ObjectAlreadyExists
from prefect.utilities.callables import parameter_schema

from boifi_core.settings import ServiceSettings
from boifi_core.storage import Place
from deployments.fork_server.worker import ForkingWorker
from deployments.names import DEPLOYMENT, WORK_POOL
from flows.campaign import campaign
from flows.session import session
from flows.upkeep import upkeep

UPKEEP_EVERY = timedelta(minutes=5)


async def deploy(client: PrefectClient, data: Place, *, with_schedules: bool) -> None:
    """Make the work pool, if it is not there, and all deployments, as they are in this version.

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
    await deploy_flows(client, data, with_schedules=with_schedules)


async def deploy_flows(client: PrefectClient, data: Place, *, with_schedules: bool) -> None:
    """Make all deployments, as they are in this version; the work pool is there. Arguments as of `deploy`."""
    for flow in (session, campaign):
        await put_deployment(client, flow)
    often = [DeploymentScheduleCreate(schedule=IntervalSchedule(interval=UPKEEP_EVERY), active=True)]
    await put_deployment(
        client,
        upkeep,
        parameters={"data": str(data), "life_s": ServiceSettings().session_life_s},
        schedules=often if with_schedules else [],
    )


async def put_deployment(
    client: PrefectClient,
    flow: Flow[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    **more: Any,
) -> None:
    """Make this deployment of a flow, or let the one that is there be so; `more` as for `create_deployment`.

    Args:
        name: that of all deployments which are no campaign's, if not given.
    """
    await client.create_deployment(
        flow_id=await client.create_flow(flow),
        name=name or DEPLOYMENT,
        description=description or flow.description,
        # As a module's: Prefect's own workers import it from wherever BOIFI is installed.
        entrypoint=f"{flow.fn.__module__}.{flow.fn.__name__}",
        work_pool_name=WORK_POOL,
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        **more,
    )
