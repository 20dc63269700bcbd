"""Reports on request: made in a process of their own, since the model behind them takes seconds of computing."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict

from api.errors import ApiError
from api.index import stamp_of
from boifi_core.models import ENDED
from boifi_core.session.folder import SessionFolder

KEPT = 32
TIMEOUT_S = 120.0
WRITTEN = frozenset({"md", "html"})
"""The formats that a session writes itself at its end."""


class Reports:
    """Makes reports one at a time, and keeps the latest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._one = asyncio.Lock()

    async def report(self, folder: SessionFolder, status: str, form: str) -> str:
        """A session's report as Markdown, HTML or JSON: `md`, `html`, `json`."""
        if status in ENDED and form in WRITTEN:
            written = await asyncio.to_thread(_written, folder, form)
            if written is not None:
                return written
        key = (folder.session_id, form, await asyncio.to_thread(stamp_of, folder))
        async with self._one:
            if key not in self._kept:
                self._kept[key] = await _made(folder, form)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return self._kept[key]


def _written(folder: SessionFolder, form: str) -> str | None:
    """What the session wrote at its end, if no trial was added since."""
    name = f"report.{form}"
    try:
        is_latest = folder.files.modified_ns(name) >= folder.files.modified_ns("history")
        text = folder.files.read(name).decode()
        is_whole = text.startswith("# ") if form == "md" else text.rstrip().endswith("</html>")
    except (OSError, UnicodeDecodeError):
        return None  # gone, or damaged: it is made again
    return text if is_latest and is_whole else None


async def _made(folder: SessionFolder, form: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.reports", str(folder.path), form,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(TIMEOUT_S):
            text, problem = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode != 0:
        last = problem.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise ApiError(503, f"the report cannot be made: {last[0][:200]}")
    return text.decode()


def _main(path: str, form: str) -> None:
    from boifi_core.report.session_report import render
    from boifi_core.storage import place_of

    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(render(SessionFolder(place_of(path)), form))


if __name__ == "__main__":
    _main(*sys.argv[1:])
