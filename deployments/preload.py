"""What every session needs, imported once in the parent that sessions are forked from.

They share its memory: nothing may be running there when they are forked, so nothing is started here.
"""

from __future__ import annotations

import gc
import threading

import prefect.client.orchestration
import prefect.events.worker
import prefect.flow_engine
import prefect.logging.handlers
import prefect.task_engine  # noqa: F401

import boifi_core.reporting  # noqa: F401
import deployments.child
import deployments.flows  # noqa: F401


def _settle_memory() -> None:
    if threading.active_count() != 1:
        raise RuntimeError(f"no thread may run where sessions are forked from, got {threading.enumerate()}")
    gc.collect()
    # Else the collector writes into every object's head, and each child gets its own copy of all of them.
    gc.freeze()


_settle_memory()
