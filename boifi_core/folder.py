"""Where sessions lie on disk: one folder each, and who holds it."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.filelock import is_locked, try_lock
from boifi_core.models import SessionState


class SessionHeld(BoifiError):
    """Another process runs this session now."""


class SessionDamaged(BoifiError):
    """A file of the session cannot be read; the message names it."""


def data_dir(out: str | os.PathLike[str] | None = None) -> Path:
    """The data dir: `out`, else the environment's BOIFI_DATA, else ./boifi-data; made if missing."""
    text = os.fspath(out) if out is not None else os.environ.get("BOIFI_DATA") or "boifi-data"
    if re.match(r"[a-z][a-z0-9+]+:/", text):  # a Path has made one slash of two
        raise InvalidInput("--out", "must be a local path", text)
    path = Path(text).expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput("--out", f"must be a folder that can be written ({error.strerror})", str(path)) from error
    return path


REQUEST = "request.json"
"""In the folder of a session that was asked for through the facade: by whom, and by which Idempotency-Key."""

LOOK_S = 0.5
"""How long a lock may be somebody's who only looks, seconds."""


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

    @property
    def is_requested(self) -> bool:
        """Whether the session was asked for through the facade, by whoever may call it."""
        return (self.path / REQUEST).exists()

    def make(self, session: dict[str, Any], others: Mapping[str, str] = MappingProxyType({})) -> None:
        """Make the folder: `others` by name, and `session.json` last, since a folder without it is no session."""
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            raise BoifiError(f"cannot make {self.path}: {error.strerror}") from error
        for name, text in others.items():
            write_atomically(self.path / name, text)
        write_atomically(self.path / "session.json", json.dumps(session, indent=2, ensure_ascii=False))

    def session(self) -> dict[str, Any]:
        """What `make` was given.

        Raises:
            SessionDamaged: it cannot be read.
        """
        path = self.path / "session.json"
        try:
            data = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise SessionDamaged(f"{path} cannot be read: {error}") from error
        if not isinstance(data, dict) or not {"created_at", "config"} <= data.keys():
            raise SessionDamaged(f"{path} holds no session")
        return data

    def write_state(self, state: SessionState) -> None:
        write_atomically(self.path / "state.json", state.model_dump_json(indent=2))

    def state(self) -> SessionState | None:
        """The latest state; None before the first was written.

        Raises:
            SessionDamaged: it cannot be read.
        """
        path = self.path / "state.json"
        try:
            return SessionState.model_validate_json(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SessionDamaged(f"{path} cannot be read: {str(error).splitlines()[0]}") from error

    def request_stop(self, why: str = "") -> None:
        """Ask whoever runs it to finish the running trial and end; `why` becomes part of the session's reason."""
        (self.path / "stop").write_text(why)

    def stop_requested(self) -> bool:
        return (self.path / "stop").exists()

    def stop_reason(self) -> str:
        """The reason of a session that was asked to stop."""
        try:
            why = (self.path / "stop").read_text().strip()
        except OSError:
            why = ""
        return f"stopped: {why}" if why else "stopped"

    def forget_stop(self) -> None:
        """Forget both requests: that to stop, and that to break off."""
        (self.path / "stop").unlink(missing_ok=True)
        (self.path / "cancel").unlink(missing_ok=True)

    def request_cancel(self) -> None:
        """Let the next SIGTERM to whoever runs it be a cancel: the trial is broken off, the session has failed."""
        (self.path / "cancel").touch()

    def cancel_requested(self) -> bool:
        return (self.path / "cancel").exists()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the session for as long as this lasts; the lock ends with its process, however that dies.

        Raises:
            SessionHeld: another process has it.
        """
        with (self.path / "lock").open("a+") as lock:
            deadline = time.monotonic() + LOOK_S
            while not try_lock(lock):  # who only looks whether it is held has it for a moment
                if time.monotonic() > deadline:
                    raise SessionHeld(f"session {self.session_id} is run by another process")
                time.sleep(0.02)
            lock.truncate(0)
            lock.write(f"{socket.gethostname()} {os.getpid()}")
            lock.flush()
            yield

    def is_held(self) -> bool:
        """Whether a process runs this session now."""
        return is_locked(self.path / "lock")

    def holder(self) -> int | None:
        """The process of this machine that runs this session now; None if none does, or one elsewhere."""
        try:
            with (self.path / "lock").open("r") as lock:
                if try_lock(lock):
                    return None
                host, _, pid = lock.read().rpartition(" ")
        except FileNotFoundError:
            return None
        return int(pid) if host == socket.gethostname() and pid.isdecimal() else None


def sessions_in(data: Path) -> list[SessionFolder]:
    """All sessions of a data dir, oldest first, then those that cannot be read."""
    folders = [SessionFolder(path.parent) for path in (data / "sessions").glob("*/session.json")]
    return sorted(folders, key=lambda folder: (_created_at(folder), folder.session_id))


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


def _created_at(folder: SessionFolder) -> str:
    try:
        return str(folder.session()["created_at"])
    except SessionDamaged:
        return "unknown"


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader, and a restart after a crash, sees the old text or the new, never a part.

    Only who holds the session writes, so what a killed one left half written is written over.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BoifiError(f"cannot write {path}: {error.strerror}") from error
