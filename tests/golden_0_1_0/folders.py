"""The session folders that 0.1.0 left, and what of a session is not of the clock."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

FOLDERS = Path(__file__).parent / "data" / "folders"
PORT = 18080
"""Of the control plane then."""

LEFT_OUT = ("report.html",)
"""A megabyte, nearly all of it the charts' library."""

LATER = ("preflight.json", "in_force_ms", "gone_ms", "calls", "held_ms", "healed_ms", "aftermath")
"""What 0.1.0 did not have: files and columns."""

WITHOUT_WHAT_CAME_LATER = "screen: {share: 0}\nsample: {share: 0}\n"
THE_OBJECTIVE_THEN = "optimizer: {objective: severity}\n"

HOLDER = "elsewhere 4242"
"""Instead of the machine and the process that held it then."""

CLOCK = ("session_id", "started_at", "finished_at", "propose_ms", "apply_ms", "observe_ms", "score_ms", "record_ms")


def session_id(name: str) -> str:
    (folder,) = (path for path in (FOLDERS / name).iterdir() if path.is_dir())
    return folder.name


def copied(name: str, data: Path, port: int = PORT) -> Path:
    """A copy of the folder in this data dir, of a session whose control plane listens there now."""
    folder = data / "sessions" / session_id(name)
    shutil.copytree(FOLDERS / name / folder.name, folder)
    session = folder / "session.json"
    session.write_text(session.read_text().replace(f":{PORT}", f":{port}"))
    return folder


def session_file(name: str, place: Path, port: int) -> Path:
    """The session's file, with a control plane that listens there now."""
    path = place / f"{name}.yaml"
    text = (FOLDERS / f"{name}.yaml").read_text().replace(f":{PORT}", f":{port}") + WITHOUT_WHAT_CAME_LATER
    path.write_text(text if "optimizer:" in text else text + THE_OBJECTIVE_THEN)
    return path


def rows(folder: Path, port: int = PORT) -> list[dict[str, Any]]:
    """A history's rows in order without what is of the clock; columns of JSON are read."""
    parts = sorted((folder / "history").glob("part-*.parquet"))
    found = [row for part in parts for row in pq.ParquetFile(part).read().to_pylist()]
    return [_timeless(row, port) for row in found if row["trial"] != 0]  # 0.1.0 had no settling trial


def columns(folder: Path) -> list[str]:
    """A history's columns with their types."""
    schema = pq.read_schema(min((folder / "history").glob("part-*.parquet")))
    kept = [f"{name.decode()}: {value.decode()}" for name, value in sorted((schema.metadata or {}).items())]
    return [*(f"{field.name}: {field.type}" for field in schema), *kept]


def _timeless(row: dict[str, Any], port: int) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in (*CLOCK, *LATER)}
    for name in ("plans", "observation", "breakdown", "fallback", "why", "control"):
        kept[name] = None if kept[name] is None else json.loads(kept[name])
    for observation in (kept["observation"], (kept["control"] or {}).get("observation")):
        if observation is not None:
            del observation["timestamp"]
    if kept["reason"] is not None:
        kept["reason"] = timeless(kept["reason"].replace(f":{port}", f":{PORT}"))
    return kept


def timeless(text: str) -> str:
    """The text without moments and without how long was waited."""
    moment = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+]00:00| UTC|Z)?"
    text = re.sub(r"within [\d.]+ s", "within SECONDS s", re.sub(moment, "MOMENT", text))
    # A terminal cuts the line there, now sooner, now later.
    return re.sub(r"(?m)the latest is of .*…$", "the latest is of …", text)
