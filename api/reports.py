"""Reports on request: the last one at once, a newer one made meanwhile, as the model behind it computes for seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

from api.errors import ApiError
from api.heavy import report
from api.index import stamp_of
from api.work import Work
from boifi_core.errors import BoifiError
from boifi_core.models import ENDED
from boifi_core.session.folder import SessionFolder

KEPT = 32
OLDEST_S = 10.0
"""How old the report of a running session may be that is shown while a newer one is made, seconds."""

WRITTEN = frozenset({"md", "html"})
"""The formats that a session writes itself at its end."""

_log = logging.getLogger("boifi.api")

Key = tuple[str, str]


@dataclass(frozen=True)
class Report:
    """A report, and how long ago it told all that was known, seconds."""

    text: str
    age_s: float = 0.0


@dataclass(frozen=True)
class _Made:
    text: str
    stamp: str
    at: float


class Reports:
    """Has reports made, and keeps the latest of each session and format."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._kept: OrderedDict[Key, _Made] = OrderedDict()
        self._making: dict[Key, asyncio.Task[_Made]] = {}

    async def report(self, folder: SessionFolder, status: str, form: str) -> Report:
        """A session's report as Markdown, HTML or JSON: `md`, `html`, `json`.

        Raises:
            ApiError: there is none yet, and none can be made.
        """
        if status in ENDED and form in WRITTEN:
            written = await asyncio.to_thread(_written, folder, form)
            if written is not None:
                return Report(written)
        stamp = await asyncio.to_thread(stamp_of, folder)
        key = (folder.session_id, form)
        last = self._kept.get(key)
        if last is not None and last.stamp == stamp:
            self._keep(key, _Made(last.text, stamp, time.monotonic()))
            return Report(last.text)
        making = self._making.get(key) or self._make(key, folder, stamp)
        if last is not None and (age_s := time.monotonic() - last.at) < OLDEST_S:
            return Report(last.text, age_s)
        try:
            # Whoever waits no longer leaves it to be made for the next who asks.
            made = await asyncio.shield(making)
        except (ApiError, BoifiError):
            if last is None:
                raise
            made = last
        return Report(made.text, 0.0 if made.stamp == stamp else time.monotonic() - made.at)

    def _make(self, key: Key, folder: SessionFolder, stamp: str) -> asyncio.Task[_Made]:
        async def make() -> _Made:
            began = time.monotonic()  # what is recorded while it is made is not in it
            made = _Made(await self._work.run(report, folder, key[1]), stamp, began)
            self._keep(key, made)
            return made

        task = asyncio.create_task(make())
        self._making[key] = task
        task.add_done_callback(lambda done: self._done(key, done))
        return task

    def _done(self, key: Key, task: asyncio.Task[_Made]) -> None:
        del self._making[key]
        if not task.cancelled() and task.exception() is not None:
            _log.warning("session %s: its report cannot be made: %s", key[0], task.exception())

    def _keep(self, key: Key, made: _Made) -> None:
        self._kept[key] = made
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _written(folder: SessionFolder, form: str) -> str | None:
    """What the session wrote at its end, if no trial was added since."""
    name = f"report.{form}"
    try:
        # While somebody runs it, a replay, more is to come, whatever the times of files say once the clock was set.
        is_latest = not folder.is_held() and folder.files.modified_ns(name) >= folder.files.modified_ns("history")
        text = folder.files.read(name).decode()
    except (OSError, UnicodeDecodeError):
        return None  # gone, or damaged: it is made again
    is_whole = text.startswith("# ") if form == "md" else text.rstrip().endswith("</html>")
    return text if is_latest and is_whole else None
