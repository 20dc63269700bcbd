"""Commands about sessions that are there: list, stop, report, sweep."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from boifi_core.errors import InvalidInput
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.table import open_injector
from boifi_core.report.session_report import FORMATS, render
from boifi_core.safety.policies import CLEAR_TIMEOUT_S, sweep
from boifi_core.safety.target_lock import target_lock
from boifi_core.session.config import TOKEN_VARIABLE
from boifi_core.session.folder import SessionDamaged, SessionFolder, find_session, summaries
from boifi_core.session.summary import Summary
from boifi_core.storage.data_dir import data_dir

_ROOM_FOR_IDS = 120
_GONE = "(gone)"
_WAITS = "(waits)"


def list_sessions(out: str | None, console: Console) -> None:
    """A line for each session: id, status, trials, worst severity, name.

    Where there is little room, an id is how it begins, which every command takes for it.
    """
    data = data_dir(out)
    table = Table(box=None, pad_edge=False)
    for column, justify in (("session", "left"), ("status", "left"), ("trials", "right"), ("worst", "right"),
                            ("begun", "left"), ("name", "left")):  # fmt: skip
        table.add_column(column, justify="right" if justify == "right" else "left", no_wrap=True)
    characters = 36 if console.width >= _ROOM_FOR_IDS else 8
    gone, waits, damaged = False, False, []
    for folder, summary in summaries(data):
        if isinstance(summary, SessionDamaged):
            damaged.append(f"{folder.session_id}: {summary}")
            continue
        status = _status(folder, summary)
        gone, waits = gone or status.endswith(_GONE), waits or status.endswith(_WAITS)
        table.add_row(folder.session_id[:characters], status, *_rest(summary))
    if table.row_count:
        console.print(table)
    for line in damaged:
        console.print(Text(line), soft_wrap=True)
    if gone:
        console.print(
            Text(f"{_GONE}: its process is gone; boifi run SESSION.yaml --resume ID goes on with it"), soft_wrap=True
        )
    if waits:
        console.print(Text(f"{_WAITS}: it is the service's, and goes on when a worker is free"), soft_wrap=True)
    if not table.row_count and not damaged:
        console.print(Text(f"no sessions in {data}"), soft_wrap=True)


def _rest(summary: Summary) -> tuple[str, ...]:
    return (
        f"{summary.trials}/{summary.total_trials}",
        "-" if summary.worst is None else f"{summary.worst:.1f}",
        summary.created_at[:16].replace("T", " "),
        summary.name,
    )


def _status(folder: SessionFolder, summary: Summary) -> str:
    status = summary.status.value if summary.status else "PENDING"
    if not summary.is_over and not folder.is_held():
        return f"{status} {_WAITS if folder.is_services_own else _GONE}"
    return status


def stop_session(session_id: str, out: str | None) -> None:
    """Ask the process that runs the session to end it after the running trial."""
    folder = find_session(data_dir(out), session_id)
    if not folder.is_held():
        raise InvalidInput("session id", "must be a session that is running", folder.session_id)
    folder.request_stop()
    print(f"{folder.session_id}: ends after the running trial")


def print_report(session_id: str, form: str, out: str | None) -> None:
    """The report on standard output."""
    if form not in FORMATS:
        raise InvalidInput("--format", f"must be one of {', '.join(FORMATS)}", form)
    sys.stdout.write(render(find_session(data_dir(out), session_id), form))


def sweep_endpoint(endpoint: str) -> None:
    """Remove all of BOIFI's policies from a control plane, between the trials of sessions that run on this machine.

    A token, if it wants one, is taken from the environment.
    """
    token = f"${{{TOKEN_VARIABLE}}}" if os.environ.get(TOKEN_VARIABLE) else None
    config = ExecutorConfig.read({"endpoint": endpoint, "token": token})
    injector = open_injector(config)
    try:
        # Who holds the target has no session of this machine in the middle of a trial beside it.
        with target_lock(endpoint, "boifi sweep", on_wait=lambda who: print(f"waiting: {who}"), give_up=lambda: False):
            removed = sweep(injector, lambda _session: True, timeout_s=CLEAR_TIMEOUT_S)
    finally:
        injector.close()
    for name in removed:
        print(f"removed {name}")
    print(f"{len(removed)} {'policy' if len(removed) == 1 else 'policies'} removed from {config.endpoint}")
