"""`python -m deployments.reconcile.loop` looks after the sessions of a cluster, in pods that Prefect's worker makes.

It puts pool, deployments and the campaigns' schedules into Prefect, lets a session whose pod died go on in another, and
ends one that is cancelled where no pod can.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

from kubernetes_asyncio.client import ApiException
from prefect.client.orchestration import PrefectClient, get_client

from boifi_core.settings import ServiceSettings
from boifi_core.storage import IMPATIENT_S, patience_s
from deployments import logs
from deployments.campaign_schedules import Schedules
from deployments.cluster import job_template, put_pool, read_pod_template
from deployments.deploy import Deployed, deploy_flows
from deployments.logs import log
from deployments.polling import API_ERRORS, API_POLL_S, CANCEL_POLL_S, SETTLE_POLL_S, brief, every
from deployments.reconcile.act import interrupt_cancelled, settle_all
from deployments.settings import settings_or_exit

PENDING_S = 900.0
"""How long a pod may take to start, seconds: a node may have to be made for it, an image brought there."""

ALIVE = Path(tempfile.gettempdir()) / "boifi-keeper"
"""The file that is touched as long as this process gets to it; whoever looks after it looks at the file's time."""


async def keep(settings: ServiceSettings, namespace: str) -> None:
    """Look after the sessions of the data dir until SIGTERM or SIGINT."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    end = asyncio.create_task(ending.wait())
    work = asyncio.create_task(_work(settings, namespace))
    await asyncio.wait([work, end], return_when=asyncio.FIRST_COMPLETED)
    for task in (work, end):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work  # says why, where it has ended by itself


async def _work(settings: ServiceSettings, namespace: str) -> None:
    async with get_client() as client:
        schedules = Schedules(settings.data)
        deployed = Deployed(lambda client: _deploy(client, settings, namespace), schedules.forget)
        while True:
            try:
                await deployed.look(client)
                break
            except (*API_ERRORS, ApiException, OSError) as error:
                log.info("not deployed yet: %s", brief(error))
                await asyncio.sleep(API_POLL_S)
        jobs: list[Any] = [
            every(SETTLE_POLL_S, _touch),
            every(SETTLE_POLL_S, lambda: deployed.look(client)),
            every(CANCEL_POLL_S, lambda: interrupt_cancelled(client, settings.data, {})),
            every(SETTLE_POLL_S, lambda: settle_all(client, settings.data, (), pending_s=PENDING_S)),
            every(SETTLE_POLL_S, lambda: schedules.renew(client)),
        ]
        await asyncio.gather(*jobs)


async def _deploy(client: PrefectClient, settings: ServiceSettings, namespace: str) -> UUID:
    template = job_template(await read_pod_template(namespace), namespace)
    await put_pool(client, template, settings.sessions_at_once)
    deployment_id = await deploy_flows(client, settings.data, with_schedules=False)
    log.info("deployed: a run is a pod in %s, %d at a time", namespace, settings.sessions_at_once)
    return deployment_id


async def _touch() -> None:
    # Not with what settles: that may take minutes where many sessions have died and their control plane is away.
    ALIVE.touch()


def main() -> None:
    logs.configure()
    patience_s.set(IMPATIENT_S)
    asyncio.run(keep(settings_or_exit(), os.environ["POD_NAMESPACE"]))


if __name__ == "__main__":
    main()
