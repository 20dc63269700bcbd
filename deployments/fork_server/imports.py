"""What every session needs, imported once in the process that sessions are forked from: they share its memory."""

from __future__ import annotations

import contextlib
import gc

import anyio._backends._asyncio  # noqa: F401
import prefect.client.orchestration
import prefect.events.worker
import prefect.flow_engine
import prefect.logging.handlers
import prefect.task_engine
import prefect.utilities.visualization  # noqa: F401
import pyarrow.pandas_compat
import pyarrow.vendored.version  # noqa: F401

import boifi_core.report.session_report  # noqa: F401
import deployments.flows  # noqa: F401

with contextlib.suppress(ModuleNotFoundError):
    import pandas  # noqa: F401 - Arrow imports it with the first array that it makes, where it is installed


def settle_memory() -> None:
    """Keep what is imported by now in the memory that forked processes share."""
    gc.collect()
    # Else the collector writes into every object's head, and each child gets its own copy of all of them.
    gc.freeze()
