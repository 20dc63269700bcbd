"""Which flow run a session is: `run.json` in the folder of a session that the service runs; and how it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from boifi_core.session.folder import SessionFolder
from boifi_core.settings import state_dir
from boifi_core.storage import Place

FILE = "run.json"

DEATHS_FILE = "deaths.json"
"""How often the session's processes died, in its folder."""

DEPLOYMENT = "session/boifi"
"""The deployment that runs one session, from its folder."""

_ASKED_FILE = ".asked"


def flow_run_of(folder: SessionFolder) -> str | None:
    """The id of the session's flow run; None where it has none, or none that can be read."""
    try:
        return str(UUID(json.loads(folder.files.read(FILE))["flow_run_id"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep_flow_run(folder: SessionFolder, flow_run_id: str) -> None:
    """Note which flow run the session is."""
    folder.files.write(FILE, json.dumps({"flow_run_id": flow_run_id}).encode())
    folder.files.note(None)


def ask(folder: SessionFolder) -> None:
    """Let a worker of this machine know that a flow run was made for the session."""
    path = _asked(folder.data)
    path.parent.mkdir(exist_ok=True)
    path.touch()


def asked_at(data: Place) -> int | None:
    """Changes whenever somebody on this machine asked for a session of this data dir; None before the first time."""
    try:
        return _asked(data).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _asked(data: Place) -> Path:
    return state_dir(data) / "sessions" / _ASKED_FILE


def flow_run_for(folder: SessionFolder, after: str | None = None) -> dict[str, Any]:
    """The flow run that the session is to be; asked for again it is the same one: one session has one flow run.

    Args:
        after: the session's flow run that has ended, though the session has not: then it is the one that follows that.
    """
    return {
        "parameters": {"folder": str(folder.path)},
        "name": run_name(folder),
        "tags": [f"session:{folder.session_id}"],
        "idempotency_key": f"session:{folder.session_id}" + (f" after {after}" if after else ""),
    }


def run_name(folder: SessionFolder) -> str:
    """What the session's flow run is called: the session's name, how its id begins, and its target."""
    config = folder.session()["config"]
    return f"{config['name']} {folder.session_id[:8]} on {urlsplit(config['executor']['endpoint']).netloc}"
