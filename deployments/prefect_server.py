"""Prefect's server as BOIFI starts it: `uvicorn --factory deployments.prefect_server:create_app`.

A process that has it as a child runs `python -m deployments.prefect_server <file descriptor>` with the socket of a port
that it holds, so that nobody else takes the port before the server listens, or while it starts again.

On SQLite a transaction that reads before it writes fails at once when another has written in between, whatever the
busy time-out; Prefect's server then answers 503, and its clients wait for many seconds. Here every transaction takes
the right to write as it begins, and waits for it instead, without keeping a connection from whoever has it.

A database that is lost, replaced or damaged while the server runs ends it: who keeps it running mends that, and starts
it again.

Each of Prefect's connections, up to fifteen, keeps up to 80 MB of the database in its memory, so that the server grows
with its database for hours. Here each keeps 8 MB; the kernel has the rest of the file in its own cache.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from weakref import WeakKeyDictionary

import uvicorn
from prefect.server.api.server import create_app as prefect_app
from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.settings import PREFECT_UI_API_URL, get_current_settings
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry
from starlette.types import ASGIApp

from boifi_core.child_process import entitle
from boifi_core.wire.web_pages import can_be_a_pages, host_of, is_loopback
from deployments.closed import Closed

CACHE_KIB = 8_000
"""What a connection keeps of the database in memory."""

WATCH_S = 2.0
"""How often it is looked at whether the database is still there, seconds."""

_LOST = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ", "SQLITE_READONLY_DBMOVED")

TURN_S = 30.0
"""How long a transaction waits for its turn to write, seconds."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
_has_turn: ContextVar[bool] = ContextVar("has_turn", default=False)

_prefect_setup = AioSqliteConfiguration.setup_sqlite


@asynccontextmanager
async def _begin_immediately(
    _self: AioSqliteConfiguration, session: AsyncSession, with_for_update: bool = False
) -> AsyncGenerator[AsyncSessionTransaction, None]:
    token = SQLITE_BEGIN_MODE.set("IMMEDIATE")
    try:
        async with _turn(), session.begin() as transaction:
            yield transaction
    finally:
        SQLITE_BEGIN_MODE.reset(token)


@asynccontextmanager
async def _turn() -> AsyncGenerator[None, None]:
    """Wait for the turn to write without a connection: who has it may need one more, and there are fifteen.

    Who waits too long, or has a transaction already, goes on without: SQLite lets one write at a time in any case.
    """
    if _has_turn.get():
        yield
        return
    is_ours = False
    turns = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    with contextlib.suppress(TimeoutError):
        is_ours = await asyncio.wait_for(turns.acquire(), TURN_S)
    token = _has_turn.set(True)
    try:
        yield
    finally:
        _has_turn.reset(token)
        if is_ours:
            turns.release()


def _set_up(self: AioSqliteConfiguration, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    _prefect_setup(self, connection, record)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")  # a negative number is in KiB, not in pages
    cursor.close()


def create_app() -> ASGIApp:
    """Prefect's server where others listen for it, such as in a container, closed to pages of elsewhere.

    It is reached by addresses, by names within a network, and by the host of `PREFECT_UI_API_URL`.
    """
    return Closed(_app(), lambda host: not can_be_a_pages(host_of(host)), PREFECT_UI_API_URL.value())


def _app_on_loopback() -> ASGIApp:
    """The same where it listens on loopback: reached by that alone."""
    return Closed(_app(), lambda host: is_loopback(host_of(host)))


def _app() -> ASGIApp:
    """Prefect's server, with transactions that wait for their turn and connections of bounded memory."""
    entitle("boifi: prefect")
    event.listen(Engine, "handle_error", _end_if_damaged)
    AioSqliteConfiguration.setup_sqlite = _set_up  # type: ignore[method-assign, assignment]
    AioSqliteConfiguration.begin_transaction = _begin_immediately  # type: ignore[method-assign, assignment]
    return prefect_app()


def _end_if_damaged(context: ExceptionContext) -> None:
    name = getattr(context.original_exception, "sqlite_errorname", "")
    if name.startswith(_LOST):
        _end(f"the database is damaged ({context.original_exception})")


def _end(said: str) -> None:
    print(f"Prefect's server ends: {said}", file=sys.stderr, flush=True)
    os._exit(3)


def _watch(database: Path, known: os.stat_result) -> None:
    """End this process when its database is not the file any more that it has open.

    The file is not opened here: closing it would take SQLite's locks on it from all of this process.
    """
    while True:
        time.sleep(WATCH_S)
        try:
            now = database.stat()
        except FileNotFoundError:
            _end(f"its database {database} is gone")
        except OSError:
            continue  # it cannot be looked at now
        else:
            if not os.path.samestat(now, known):
                _end(f"its database {database} is another file now")


def _watch_database() -> None:
    given = get_current_settings().server.database.connection_url
    url = make_url("sqlite://" if given is None else given.get_secret_value())
    database = Path(url.database or ":memory:")
    with contextlib.suppress(OSError):  # in memory, or not made: there is nothing to watch
        if url.get_backend_name() == "sqlite":
            threading.Thread(target=_watch, args=(database, database.stat()), name="database", daemon=True).start()


class _HeldPort(socket.socket):
    def listen(self, backlog: int = socket.SOMAXCONN, /) -> None:
        # From here on nobody else can have the port; connections of the server before may still have it.
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        super().listen(backlog)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _watch_database()


def serve(port: socket.socket) -> int:
    """Listen at this port until SIGTERM; returns the exit status."""
    config = uvicorn.Config(
        _app_on_loopback,
        factory=True,
        log_level="warning",
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=3,
    )
    server = _Server(config)
    server.run(sockets=[port])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(serve(_HeldPort(fileno=int(sys.argv[1]))))
