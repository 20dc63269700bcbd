"""What listens first: `uvicorn --factory api.early_app:create_app`.

It answers `/health` at once; the facade itself takes a second to import, and everything else waits for it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any

from boifi_core.child_process import entitle

# As in `starlette.types`, which is not imported yet.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

ALIVE = b'{"status":"ok"}'
"""What `/health` says, here and in the facade."""


ENDING = b'{"error":{"code":"unavailable","message":"the service ends","details":[]}}'
LAST_ANSWERS_S = 2.0
"""How long an answer may still take when the service ends, seconds."""


def create_app() -> App:
    """The facade as an ASGI app that is made while it listens already."""
    entitle("boifi: facade")
    return EarlyApp()


class EarlyApp:
    """Hands every request to the facade, as soon as there is one."""

    def __init__(self) -> None:
        self._facade: App | None = None
        self._is_there = asyncio.Event()
        self._ending = asyncio.Event()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._facade is None and (scope["type"], scope.get("path")) == ("http", "/health"):
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ALIVE)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": ALIVE})
        else:
            await self._answered(scope, receive, send)

    async def _answered(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let the facade answer, in the time that there is: what has no end, such as a stream, is ended here."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        work = asyncio.create_task(self._by_facade(scope, receive, noted))
        end = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait([work, end], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await asyncio.wait([work], timeout=LAST_ANSWERS_S)
        finally:
            end.cancel()
            was_done = work.done()
            work.cancel()
        with suppress(*([] if was_done else [asyncio.CancelledError])):
            await work
        if scope["type"] == "http" and not was_done:
            if not begun:
                headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ENDING)).encode())]
                await send({"type": "http.response.start", "status": 503, "headers": headers})
            with suppress(RuntimeError):  # it was promised longer than it is
                await send({"type": "http.response.body", "body": b"" if begun else ENDING})

    async def _by_facade(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await self._is_there.wait()
        assert self._facade is not None
        await self._facade(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._end_with_the_server()
        facade = asyncio.create_task(self._run_facade())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._ending.set()
        await facade
        await send({"type": "lifespan.shutdown.complete"})

    def _end_with_the_server(self) -> None:
        """Hear of the end as the server does: it tells the app only when every answer is given."""
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)
            if callable(before) and threading.current_thread() is threading.main_thread():
                signal.signal(number, partial(self._told_to_end, before, asyncio.get_running_loop()))

    def _told_to_end(
        self, before: Callable[..., Any], loop: asyncio.AbstractEventLoop, number: int, frame: FrameType | None
    ) -> None:
        loop.call_soon_threadsafe(self._ending.set)
        before(number, frame)

    async def _run_facade(self) -> None:
        try:
            app = (await asyncio.to_thread(import_module, "api.app")).create_app()
            async with app.router.lifespan_context(app):
                self._facade = app
                self._is_there.set()
                await self._ending.wait()
        except SystemExit as end:  # it has said why: no traceback of who waits here belongs after that
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        except Exception as error:
            _tell(error)
            signal.raise_signal(signal.SIGTERM)  # who cannot serve does not listen


def _tell(error: Exception) -> None:
    """Why the facade cannot start: a line where that is the place's fault, all there is to know where it is ours."""
    if isinstance(error, OSError) or type(error).__module__.startswith(("sqlalchemy.", "boifi_core.")):
        print(f"error: the facade cannot start: {' '.join(str(error).split())[:300]}", file=sys.stderr, flush=True)
    else:
        traceback.print_exception(error)
