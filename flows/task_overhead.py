"""What Prefect's engine does for each task, and a session goes without: it costs more than the task itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import task_engine

_TASK_LOG = logging.getLogger("prefect.task_runs")


@contextmanager
def without_task_overhead() -> Iterator[None]:
    """Let tasks called in this process ask for no concurrency limits, and log no success, for as long as this lasts.

    Prefect's server would be asked, in a transaction that writes, about limits of each tag of each task run: BOIFI sets
    none. That a task has completed stands in its state already.
    """
    before = task_engine._concurrency  # type: ignore[attr-defined]
    task_engine._concurrency = _no_limits  # type: ignore[attr-defined]
    _TASK_LOG.addFilter(_is_worth_a_line)
    try:
        yield
    finally:
        _TASK_LOG.removeFilter(_is_worth_a_line)
        task_engine._concurrency = before  # type: ignore[attr-defined]


@contextmanager
def _no_limits(*_limits: Any, **_named: Any) -> Iterator[None]:
    yield


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Finished in state Completed")
