"""What things are called in Prefect."""

from __future__ import annotations

WORK_POOL = "boifi"
"""The work pool whose runs the worker of this machine carries out."""

WORKER_TYPE = "boifi-fork"
"""The type of that worker, and of its pool."""

DEPLOYMENT = "boifi"
"""The name of each flow's deployment: `session/boifi`."""
