"""What listens first: `uvicorn --factory api.early_app:create_app`.

It answers `/health` at once; the facade itself takes a second to import, and everything else waits for it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

# As in `starlette.types`, which is not imported yet.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

ALIVE = b'{"status":"ok"}'
"""What `/health` says, here and in the facade."""


def create_app() -> App:
    """The facade as an ASGI app that is made while it listens already."""
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
            await self._is_there.wait()
            assert self._facade is not None
            await self._facade(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        facade = asyncio.create_task(self._run_facade())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._ending.set()
        await facade
        await send({"type": "lifespan.shutdown.complete"})

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
