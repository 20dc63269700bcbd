"""Where sessions lie: one folder each, and who holds it."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.models import SessionState
from boifi_core.session.summary import Summary
from boifi_core.storage import Folder, Held, NotWritten, Place, open_folder


class SessionHeld(BoifiError):
    """Another process runs this session now."""


class SessionDamaged(BoifiError):
    """A file of the session cannot be read; the message names it."""


REQUEST = "request.json"
"""In the folder of a session that was asked for through the facade: by whom, and by which Idempotency-Key."""

SESSION = "session.json"

FACADE, NIGHT = "facade", "night"
"""Who `made_by` in `session.json` names where the service carries the session out; of others it says nothing."""

_log = logging.getLogger("boifi.session")

_STATE, _STOP, _CANCEL, _LOCK = "state.json", "stop", "cancel", "lock"


@dataclass(frozen=True)
class SessionFolder:
    """`<data dir>/sessions/<session id>`, and the names of what lies in it."""

    path: Place

    @classmethod
    def of(cls, data: Place, session_id: str) -> SessionFolder:
        """The folder that the session of this id has in a data dir."""
        return cls(data / "sessions" / session_id)

    @property
    def session_id(self) -> str:
        return self.path.name

    @property
    def data(self) -> Place:
        """The data dir that it lies in."""
        return self.path.parent.parent

    @property
    def files(self) -> Folder:
        """What reads and writes the files in it."""
        return open_folder(self.path)

    @property
    def history(self) -> Place:
        return self.path / "history"

    @property
    def is_made(self) -> bool:
        """Whether there is a session in it."""
        return self.files.exists(SESSION)

    @property
    def is_requested(self) -> bool:
        """Whether the session was asked for through the facade, by whoever may call it."""
        return self.files.exists(REQUEST) or self._made_by() == FACADE

    @property
    def is_services_own(self) -> bool:
        """Whether the service carries the session out, and not somebody at a terminal."""
        return self.files.exists(REQUEST) or self._made_by() in (FACADE, NIGHT)

    def _made_by(self) -> object:
        try:
            return self.session().get("made_by")
        except SessionDamaged:
            return None

    def make(self, session: dict[str, Any], others: Mapping[str, str] = MappingProxyType({})) -> None:
        """Make the folder: `others` by name, and `session.json` last, since a folder without it is no session."""
        try:
            self.files.make()
        except FileExistsError as error:
            raise _not_made(self.path, "File exists") from error
        except NotWritten as error:
            raise _not_made(self.path, error.why) from error
        for name, text in others.items():
            self.files.write(name, text.encode())
        self._write_session(session, None)

    def rewrite(self, session: dict[str, Any]) -> None:
        """Write `session.json` anew."""
        self._write_session(session, self.state())

    def _write_session(self, session: dict[str, Any], state: SessionState | None) -> None:
        self.files.write(SESSION, json.dumps(session, indent=2, ensure_ascii=False).encode())
        self.files.note(Summary.of(session, state).model_dump_json())

    def session(self) -> dict[str, Any]:
        """What `make` was given.

        Raises:
            SessionDamaged: it cannot be read.
        """
        path = self.path / SESSION
        try:
            data = json.loads(self.files.read(SESSION))
        except (OSError, ValueError) as error:
            raise SessionDamaged(f"{path} cannot be read: {error}") from error
        if not isinstance(data, dict) or not {"created_at", "config"} <= data.keys():
            raise SessionDamaged(f"{path} holds no session")
        return data

    def write_state(self, state: SessionState) -> None:
        self.files.write(_STATE, state.model_dump_json(indent=2).encode())
        self.files.note(Summary.of_state(state).model_dump_json())

    def state(self) -> SessionState | None:
        """The latest state; None before the first was written, and where it is damaged.

        It is derived from the history: whoever runs the session next, or settles what became of it, writes it anew.

        Raises:
            SessionDamaged: it may not be read.
        """
        try:
            return SessionState.model_validate_json(self.files.read(_STATE))
        except FileNotFoundError:
            return None
        except (IsADirectoryError, ValueError) as error:
            self._tell_of_damage(_STATE, error, "it is made again from the history")
            return None
        except OSError as error:
            raise SessionDamaged(f"{self.path / _STATE} cannot be read: {error.strerror}") from error

    def _tell_of_damage(self, name: str, error: Exception, cure: str) -> None:
        key = (str(self.path / name), self.files.modified_ns(name))
        if key not in _told_of:  # it is asked for again and again
            _told_of.add(key)
            why = "it is no file" if isinstance(error, OSError) else "it is damaged"
            _log.warning("%s/%s cannot be read (%s): %s", self.session_id, name, why, cure)

    def changed_at(self) -> float:
        """When its config or its state was last written, as a Unix time."""
        return max(self.files.modified_ns(name) for name in (SESSION, _STATE)) / 1e9

    def request_stop(self, why: str = "") -> None:
        """Ask whoever runs it to finish the running trial and end; `why` becomes part of the session's reason."""
        self.files.mark(_STOP, why)
        self.files.note(None)

    def stop_requested(self, *, lately: bool = False) -> bool:
        """Whether somebody asked for that; with `lately`, for who asks again and again, as of a moment ago."""
        return self.files.exists_lately(_STOP) if lately else self.files.exists(_STOP)

    def stop_reason(self) -> str:
        """The reason of a session that was asked to stop."""
        try:
            why = self.files.read(_STOP).decode().strip()
        except (OSError, UnicodeDecodeError):
            why = ""
        why = why if why.isprintable() else ""
        return f"stopped: {why}" if why else "stopped"

    def forget_stop(self) -> None:
        """Forget both requests: that to stop, and that to break off."""
        self.files.remove(_STOP)
        self.files.remove(_CANCEL)

    def request_cancel(self) -> None:
        """Let the next SIGTERM to whoever runs it be a cancel: the trial is broken off, the session has failed."""
        self.files.mark(_CANCEL, "")

    def cancel_requested(self) -> bool:
        return self.files.exists(_CANCEL)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the session for as long as this lasts; the lock ends with its process, however that dies.

        Raises:
            SessionHeld: another process has it.
        """
        try:
            with self.files.held(_LOCK):
                yield
        except Held as error:
            raise SessionHeld(f"session {self.session_id} is run by another process") from error

    def is_held(self) -> bool:
        """Whether a process runs this session now."""
        return self.files.is_held(_LOCK)

    def holder(self) -> int | None:
        """The process of this machine that runs this session now; None if none does, or one elsewhere."""
        return self.files.holder(_LOCK)

    def is_holder_stopped(self) -> bool:
        """Whether the process of this machine that runs it is stopped, as by SIGSTOP; False where nobody can tell."""
        try:
            stat = Path(f"/proc/{self.holder()}/stat").read_text(errors="replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[:1] in (["T"], ["t"])

    def delete(self) -> None:
        """Remove the session with all that lies in its folder."""
        self.files.discard(first=SESSION)


_told_of: set[tuple[str, int]] = set()


def _not_made(path: Place, why: str) -> BoifiError:
    return BoifiError(f"cannot make {path}: {why}")


def summaries(data: Place) -> list[tuple[SessionFolder, Summary | SessionDamaged]]:
    """All sessions of a data dir with what lists show of them, oldest first, then those that cannot be read."""
    notes = open_folder(data / "sessions").notes()
    found: list[tuple[SessionFolder, Summary | SessionDamaged]] = []
    for session_id in _ids(data, "", notes or {}):
        folder = SessionFolder.of(data, session_id)
        note = None if notes is None else notes.get(session_id)
        summary = _summary(folder) if note is None else _told(note.text, folder)
        found.append((folder, summary))
    return sorted(found, key=lambda each: (getattr(each[1], "created_at", "unknown"), each[0].session_id))


def _told(text: str, folder: SessionFolder) -> Summary | SessionDamaged:
    try:
        return Summary.model_validate_json(text)
    except ValidationError:  # of another version
        return _summary(folder)


def _summary(folder: SessionFolder) -> Summary | SessionDamaged:
    """The summary from the session's files; noted, where it was not."""
    try:
        summary = Summary.of(folder.session(), folder.state())
    except SessionDamaged as error:
        return error
    except (ValidationError, AttributeError):
        return SessionDamaged(f"{folder.path / SESSION} holds no session")
    folder.files.note(summary.model_dump_json())
    return summary


def session_ids(data: Place) -> list[str]:
    """The ids of all sessions of a data dir."""
    return _ids(data, "", open_folder(data / "sessions").note_stamps() or {})


def _ids(data: Place, start: str, noted: Collection[str]) -> list[str]:
    sessions = open_folder(data / "sessions")
    return [name for name in sessions.names(prefix=start) if name in noted or sessions.exists(f"{name}/{SESSION}")]


def sessions_in(data: Place) -> list[SessionFolder]:
    """All sessions of a data dir, oldest first, then those that cannot be read."""
    return [folder for folder, _ in summaries(data)]


def find_session(data: Place, session_id: str) -> SessionFolder:
    """The session with this id, or with the only id that begins so.

    Raises:
        InvalidInput: none, or several.
    """
    found = _ids(data, session_id, ()) if session_id else []
    exact = [each for each in found if each == session_id]
    if len(exact or found) != 1:
        rule = f"must be the id of one session in {data / 'sessions'}" + (" (several begin so)" if found else "")
        raise InvalidInput("session id", rule, session_id)
    return SessionFolder.of(data, (exact or found)[0])


def out_option(data: Place) -> str:
    """What a command needs after it to find this data dir from here: nothing for ./boifi-data."""
    return "" if data == Path("boifi-data").resolve() else f" --out {shlex.quote(str(data))}"
