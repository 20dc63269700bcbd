"""Commands about sessions that are there: list, stop, report, sweep."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from boifi_core.errors import InvalidInput
from boifi_core.executors import ExecutorConfig, open_injector
from boifi_core.folder import SessionFolder, data_dir, find_session, sessions_in
from boifi_core.policies import CLEAR_TIMEOUT_S, sweep
from boifi_core.reporting import FORMATS, render
from boifi_core.validation import invalid_input


def list_sessions(out: Path | None, console: Console) -> None:
    """A line for each session: id, status, trials, worst severity, name."""
    data = data_dir(out)
    table = Table(box=None, pad_edge=False)
    for column, justify in (("session", "left"), ("status", "left"), ("trials", "right"), ("worst", "right"),
                            ("begun", "left"), ("name", "left")):  # fmt: skip
        table.add_column(column, justify="right" if justify == "right" else "left", no_wrap=True)
    for folder in sessions_in(data):
        stored = folder.session()
        state = folder.state()
        done = state.progress.current_iteration if state else 0
        best = state.progress.best_result if state else None
        table.add_row(
            folder.session_id,
            _status(folder),
            f"{done}/{stored['config']['total_trials']}",
            f"{best.severity_score:.1f}" if best else "-",
            stored["created_at"][:19].replace("T", " "),
            stored["config"]["name"],
        )
    if table.row_count:
        console.print(table)
    else:
        console.print(f"no sessions in {data}")


def _status(folder: SessionFolder) -> str:
    state = folder.state()
    status = state.status.value if state else "PENDING"
    if status in ("RUNNING", "STOPPING", "PENDING") and not folder.is_held():
        return f"{status}, its process is gone: --resume goes on"
    return status


def stop_session(session_id: str, out: Path | None) -> None:
    """Ask the process that runs the session to end it after the running trial."""
    folder = find_session(data_dir(out), session_id)
    if not folder.is_held():
        raise InvalidInput("session id", "must be a session that is running", folder.session_id)
    folder.request_stop()
    print(f"{folder.session_id}: ends after the running trial")


def print_report(session_id: str, form: str, out: Path | None) -> None:
    """The report on standard output."""
    if form not in FORMATS:
        raise InvalidInput("--format", f"must be one of {', '.join(FORMATS)}", form)
    sys.stdout.write(render(find_session(data_dir(out), session_id), form))


def sweep_endpoint(endpoint: str, out: Path | None) -> None:
    """Remove BOIFI's policies from a control plane, but for those of sessions that run from this data dir."""
    try:
        config = ExecutorConfig(endpoint=endpoint)
    except ValidationError as error:
        raise invalid_input(error, "", ExecutorConfig) from None
    held = {folder.session_id[:8] for folder in sessions_in(data_dir(out)) if folder.is_held()}
    injector = open_injector(config)
    try:
        removed = sweep(injector, lambda session: session not in held, timeout_s=CLEAR_TIMEOUT_S)
    finally:
        injector.close()
    for name in removed:
        print(f"removed {name}")
    print(f"{len(removed)} policies removed from {config.endpoint}")
