"""Where sessions lie on disk: one folder each, and who holds it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.filelock import try_lock
from boifi_core.models import SessionState


class SessionHeld(BoifiError):
    """Another process runs this session now."""


def data_dir(out: str | os.PathLike[str] | None = None) -> Path:
    """The data dir: `out`, else the environment's BOIFI_DATA, else ./boifi-data; made if missing."""
    text = os.fspath(out) if out is not None else os.environ.get("BOIFI_DATA") or "boifi-data"
    if re.match(r"[a-z0-9+]+://", text):
        raise InvalidInput("--out", "must be a local path", text)
    path = Path(text).expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput("--out", f"must be a folder that can be written ({error.strerror})", str(path)) from error
    return path


@dataclass(frozen=True)
class SessionFolder:
    """`<data dir>/sessions/<session id>`, and the names of what lies in it."""

    path: Path

    @property
    def session_id(self) -> str:
        return self.path.name

    @property
    def history(self) -> Path:
        return self.path / "history"

    def make(self, session: dict[str, Any]) -> None:
        """Make the folder, `session.json` first: a folder without it is no session."""
        self.path.mkdir(parents=True)
        write_atomically(self.path / "session.json", json.dumps(session, indent=2, ensure_ascii=False))

    def session(self) -> dict[str, Any]:
        """What `make` was given."""
        data = json.loads((self.path / "session.json").read_text())
        if not isinstance(data, dict):
            raise InvalidInput(str(self.path / "session.json"), "must hold a session", data)
        return data

    def write_state(self, state: SessionState) -> None:
        write_atomically(self.path / "state.json", state.model_dump_json(indent=2))

    def state(self) -> SessionState | None:
        """The latest state; None before the first was written."""
        try:
            return SessionState.model_validate_json((self.path / "state.json").read_text())
        except FileNotFoundError:
            return None

    def request_stop(self) -> None:
        """Ask whoever runs it to finish the running trial and end."""
        (self.path / "stop").touch()

    def stop_requested(self) -> bool:
        return (self.path / "stop").exists()

    def forget_stop(self) -> None:
        (self.path / "stop").unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the session for as long as this lasts; the lock ends with its process, however that dies.

        Raises:
            SessionHeld: another process has it.
        """
        with (self.path / "lock").open("a+") as lock:
            if not try_lock(lock):
                raise SessionHeld(f"session {self.session_id} is run by another process")
            yield

    def is_held(self) -> bool:
        """Whether a process runs this session now."""
        try:
            with (self.path / "lock").open("r") as lock:
                return not try_lock(lock)
        except FileNotFoundError:
            return False


def sessions_in(data: Path) -> list[SessionFolder]:
    """All sessions of a data dir, oldest first."""
    folders = [SessionFolder(path.parent) for path in (data / "sessions").glob("*/session.json")]
    return sorted(folders, key=lambda folder: (folder.session().get("created_at", ""), folder.session_id))


def find_session(data: Path, session_id: str) -> SessionFolder:
    """The session with this id, or with the only id that begins so.

    Raises:
        InvalidInput: none, or several.
    """
    found = [folder for folder in sessions_in(data) if session_id and folder.session_id.startswith(session_id)]
    exact = [folder for folder in found if folder.session_id == session_id]
    if len(exact or found) != 1:
        rule = f"must be the id of one session in {data / 'sessions'}" + (" (several begin so)" if found else "")
        raise InvalidInput("session id", rule, session_id)
    return (exact or found)[0]


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader, and a restart after a crash, sees the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BoifiError(f"cannot write {path}: {error.strerror}") from error
