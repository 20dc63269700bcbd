"""Which flow run a session is: `run.json` in the folder of a session that the service runs."""

from __future__ import annotations

import json

from boifi_core.folder import SessionFolder, write_atomically

FILE = "run.json"


def flow_run_of(folder: SessionFolder) -> str | None:
    """The id of the session's flow run; None where it has none, or none that can be read."""
    try:
        return str(json.loads((folder.path / FILE).read_text())["flow_run_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_flow_run(folder: SessionFolder, flow_run_id: str) -> None:
    """Note which flow run the session is."""
    write_atomically(folder.path / FILE, json.dumps({"flow_run_id": flow_run_id}))
