"""The work pool in a Kubernetes cluster: of Prefect's own kind, each run a job of one pod."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, CoreV1Api
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists

from deployments.names import WORK_POOL

POOL_TYPE = "kubernetes"
"""The type of Prefect's Kubernetes worker, and of its pool."""

POD_TEMPLATE = "boifi-session"
"""The name of the PodTemplate that says what a session's pod looks like."""

KEPT_S = 3600
"""How long an ended pod, and what it wrote to its log, is kept, seconds."""


async def read_pod_template(namespace: str) -> dict[str, Any]:
    """The PodTemplate of sessions, as the cluster has it.

    Raises:
        kubernetes_asyncio.client.ApiException: there is none, or it may not be read.
    """
    try:
        config.load_incluster_config()
    except config.ConfigException:
        await config.load_kube_config()
    async with ApiClient() as client:
        found = await CoreV1Api(client).read_namespaced_pod_template(POD_TEMPLATE, namespace)
        read: dict[str, Any] = client.sanitize_for_serialization(found)
        return read


def job_template(pod_template: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The pool's base job template, in which nothing is left to choose: each run is a job of such a pod.

    A job is never tried again by the cluster: the keeper, which knows the session, does that.
    """
    template = deepcopy(pod_template["template"])
    template["spec"] |= {"parallelism": 1, "completions": 1}  # where Prefect's worker looks for them
    return {
        "variables": {"type": "object", "properties": {}},
        "job_configuration": {
            "namespace": namespace,
            "job_manifest": {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {
                    "namespace": namespace,
                    "generateName": f"{POD_TEMPLATE}-",
                    "labels": dict(template["metadata"]["labels"]),
                },
                "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": KEPT_S, "template": template},
            },
        },
    }


async def put_pool(client: PrefectClient, template: Mapping[str, Any], runs_at_once: int) -> None:
    """Make the work pool, or let the one that is there be as this version has it.

    Args:
        template: its base job template.
        runs_at_once: how many of its runs there may be at a time.
    """
    try:
        await client.create_work_pool(
            WorkPoolCreate(
                name=WORK_POOL, type=POOL_TYPE, base_job_template=dict(template), concurrency_limit=runs_at_once
            )
        )
    except ObjectAlreadyExists:
        as_it_is = WorkPoolUpdate(base_job_template=dict(template), concurrency_limit=runs_at_once)
        await client.update_work_pool(WORK_POOL, as_it_is)
