"""Fills the store from the session folders, and notices what changes there."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.store import Claim, Store, micros
from boifi_core.errors import BoifiError
from boifi_core.models import ENDED, SessionState, SessionStatus, Trial
from boifi_core.session.config import SessionConfig, read_stored_session
from boifi_core.session.events import Changed, Recorded, Stream
from boifi_core.session.folder import FACADE, REQUEST, SessionFolder, session_ids, summaries
from boifi_core.session.run_file import FILE as RUN
from boifi_core.session.run_file import flow_run_of
from boifi_core.storage import Folder, Place, StorageError, open_folder

SILENT_S = 5.0
"""How long a session may be silent before it is looked at whether its process is stopped, seconds."""

LOOK_AT_ENDED_S = 10.0
"""How often the folders of sessions that have ended are looked at, seconds."""

_log = logging.getLogger("boifi.index")


@dataclass(frozen=True)
class Seen:
    """What a folder holds: the session's row, the trials that were not known, and the request that made it."""

    row: dict[str, Any]
    trials: Sequence[Trial]
    request: dict[str, Any]


class Index:
    """Keeps the store as the folders of one data dir are.

    Attributes:
        events: tells of new trials, and of each session that has changed.
        unstarted: set when a session is seen that is ours to start.
        complete: whether all folders were looked at since the start.
    """

    def __init__(self, store: Store, data: Place, events: Stream) -> None:
        self.store = store
        self.data = data
        self.events = events
        self.unstarted = asyncio.Event()
        self.complete = False
        self._configs: dict[str, SessionConfig] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._damaged: dict[str, str] = {}

    def folder(self, session_id: str) -> SessionFolder:
        return SessionFolder.of(self.data, session_id)

    async def watch(self, poll_s: float) -> None:
        """Look at the folders for ever; those of sessions that have ended less often."""
        loop = asyncio.get_running_loop()
        all_at = loop.time()
        while True:
            everything = loop.time() >= all_at
            await self.refresh_all(only_unfinished=not everything)
            if everything:
                all_at = loop.time() + LOOK_AT_ENDED_S
                self.complete = True
            await asyncio.sleep(poll_s)

    async def refresh_all(self, *, only_unfinished: bool = False) -> None:
        """Bring the store up to date with the folders: new ones, changed ones, those that are gone."""
        known = await self.store.stamps()
        there = await asyncio.to_thread(_there, self.data, is_whole=not only_unfinished)
        for session_id in known.keys() - there.keys():
            await self.store.forget(session_id)
            self._configs.pop(session_id, None)
            self.events.emit(Changed(session_id))
        for session_id, now in there.items():
            status, stamp = known.get(session_id, (None, None))
            if now is None and only_unfinished and status in ENDED:
                continue
            if stamp != (stamp_of(self.folder(session_id)) if now is None else now):
                await self.refresh(session_id)

    async def refresh(self, session_id: str) -> None:
        """Bring the store up to date with one folder."""
        folder = self.folder(session_id)
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            row = await self.store.session(session_id)
            if row is not None and row.stamp == await asyncio.to_thread(stamp_of, folder):
                return
            after = await self._last_known(folder)
            try:
                seen = await asyncio.to_thread(self._look, folder, after)
            except StorageError:
                raise  # it is no fault of the session's
            except (BoifiError, OSError, ValueError, KeyError) as error:
                # Callers are told of it, and where the data dir lies is not for them.
                what = " ".join(str(error).split()).replace(f"{folder.path}/", "")
                why = f"session {session_id} cannot be read: {what}"
                if self._damaged.get(session_id) != why and await asyncio.to_thread(lambda: folder.is_made):
                    self._damaged[session_id] = why
                    _log.error(why)
                return
            self._damaged.pop(session_id, None)
            new = await self.store.put(seen.row, [_trial_row(trial) for trial in seen.trials])
            if row is None or after == 0:
                await self._remember_key(session_id, seen.request)
            if seen.row["status"] in ENDED:
                self._configs.pop(session_id, None)
                self._locks.pop(session_id, None)
        if seen.row["is_ours_to_start"] and not seen.row["flow_run_id"] and seen.row["status"] not in ENDED:
            self.unstarted.set()
        for trial in seen.trials:
            if trial.trial in new:
                self.events.emit(Recorded(session_id, trial))
        self.events.emit(Changed(session_id))

    async def _last_known(self, folder: SessionFolder) -> int:
        """The last trial that is kept here. Where the history has lost some of them, none: their numbers come again."""
        kept = await self.store.count_trials(folder.session_id)
        if kept == 0:
            return 0
        if kept >= len(await asyncio.to_thread(open_folder(folder.history).names, prefix="part-")):
            await self.store.forget(folder.session_id)
            return 0
        return await self.store.last_trial(folder.session_id)

    def damage(self, session_id: str) -> str | None:
        """Why a session could not be read when it was looked at last; None if it could."""
        return self._damaged.get(session_id)

    async def remember_keys(self) -> None:
        """Take the Idempotency-Keys that the folders of unknown sessions hold; those that are known already stay."""
        known = await self.store.stamps()
        for session_id, request in await asyncio.to_thread(_requests, self.data, known):
            await self._remember_key(session_id, request)

    async def _remember_key(self, session_id: str, request: dict[str, Any]) -> None:
        if request.get("idempotency_key"):
            claim = Claim(request["digest"], session_id)
            await self.store.claim(request["caller"], request["idempotency_key"], claim)

    def _look(self, folder: SessionFolder, after: int) -> Seen:
        from boifi_core.history.dataset import History  # Arrow, which the facade's start does without

        # The stamp first: what changes while we read is then read again.
        stamp = stamp_of(folder)
        stored = folder.session()
        silent = silence(folder)
        config = self._configs.get(folder.session_id) or read_stored_session(stored)
        self._configs[folder.session_id] = config
        state = folder.state()
        trials = History(folder.history, config.search_space).trials(after)
        request = _read(folder.files, REQUEST)
        created = datetime.fromisoformat(stored["created_at"])
        best = state.progress.best_result if state else None
        row = {
            "id": folder.session_id,
            "name": config.name,
            "target": config.executor.endpoint,
            "status": _status(folder, state).value,
            "reason": silent or (state.reason.replace(f"{self.data}/", "") if state and state.reason else None),
            "created_us": micros(created),
            "updated_us": micros(state.updated_at if state else created),
            "total_iterations": config.total_trials,
            "current_iteration": state.progress.current_iteration if state else after + len(trials),
            "best_result": best.model_dump(mode="json") if best else None,
            "flow_run_id": flow_run_of(folder),
            "created_by": request.get("caller"),
            "is_ours_to_start": bool(request) or stored.get("made_by") == FACADE,
            "stamp": stamp,
        }
        return Seen(row, trials, request)


def document_of(trial: Trial) -> str:
    """A trial as JSON, without its traces: those are large, and stand in the history."""
    without = {"observation": _TRACES}
    return trial.model_dump_json(exclude={"observation": _TRACES, "control": without, "aftermath": without})


_TRACES = {"trace_data", "traces", "calls"}


def stamp_of(folder: SessionFolder) -> str:
    """Changes when anything changes that the index shows of a session."""
    noted = folder.files.note_stamp()
    if noted is not None:
        return noted
    names = ("session.json", "state.json", "history", "stop", RUN)
    times = [folder.files.modified_ns(name) for name in names]
    return " ".join([*map(str, times), silence(folder, max(times)) or ""]).rstrip()


def silence(folder: SessionFolder, latest_ns: int | None = None) -> str | None:
    """What is said of a session that is not heard of because its process, on this machine, is stopped; None of others.

    Args:
        latest_ns: when it was heard of last, nanoseconds since 1970; looked at where not given.
    """
    if latest_ns is None:
        latest_ns = max(folder.files.modified_ns(name) for name in ("state.json", "history"))
    silent_s = time.time() - latest_ns / 1e9
    if silent_s < SILENT_S or not folder.is_holder_stopped():
        return None
    return f"not heard of for {silent_s // SILENT_S * SILENT_S:.0f} s: its process is stopped"


def _there(data: Place, *, is_whole: bool) -> Mapping[str, str | None]:
    """The sessions of the data dir, and where they are noted their stamps.

    Args:
        is_whole: those are noted too that nobody has noted yet, such as copies from elsewhere.
    """
    sessions = open_folder(data / "sessions")
    noted = sessions.note_stamps()
    if noted is None:
        return dict.fromkeys(session_ids(data))
    if is_whole and any(session_id not in noted for session_id in session_ids(data)):
        summaries(data)
        noted = sessions.note_stamps() or {}
    return noted


def _status(folder: SessionFolder, state: SessionState | None) -> SessionStatus:
    status = state.status if state else SessionStatus.RUNNING if folder.is_held() else SessionStatus.PENDING
    return SessionStatus.STOPPING if status not in ENDED and folder.stop_requested() else status


def _trial_row(trial: Trial) -> dict[str, Any]:
    return {
        "session_id": trial.session_id,
        "trial": trial.trial,
        "finished_us": micros(trial.finished_at),
        "document": document_of(trial),
    }


def _requests(data: Place, known: Collection[str]) -> list[tuple[str, dict[str, Any]]]:
    """The requests that made the sessions that are not known."""
    ids = [session_id for session_id in session_ids(data) if session_id not in known]
    texts = open_folder(data / "sessions").read_all([f"{session_id}/{REQUEST}" for session_id in ids])
    return [(session_id, _parsed(text or b"")) for session_id, text in zip(ids, texts, strict=True)]


def _read(files: Folder, name: str) -> dict[str, Any]:
    try:
        return _parsed(files.read(name))
    except OSError:
        return {}


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
