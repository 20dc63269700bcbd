"""What things are called in Prefect."""

from __future__ import annotations

import os

WORK_POOL = "boifi"
"""The work pool whose runs the worker of this machine carries out."""

WORKER_TYPE = "boifi-fork"
"""The type of that worker, and of its pool."""

DEPLOYMENT = "boifi"
"""The name of each flow's deployment: `session/boifi`."""


def worker_name(pid: int | None = None) -> str:
    """What the worker of this machine with this process id is called; without one, how its name begins."""
    return f"boifi {os.uname().nodename} {'' if pid is None else pid}"
