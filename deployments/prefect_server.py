"""Prefect's server as BOIFI starts it: `uvicorn --factory deployments.prefect_server:create_app`.

A process that has it as a child runs `python -m deployments.prefect_server <file descriptor>` with the socket of a port
that it holds, so that nobody else takes the port before the server listens, or while it starts again.

On SQLite a transaction that reads before it writes fails at once when another has written in between, whatever the
busy time-out; Prefect's server then answers 503, and its clients wait for many seconds. Here every transaction takes
the right to write as it begins, and waits for it instead.

Each of Prefect's connections, up to fifteen, keeps up to 80 MB of the database in its memory, so that the server grows
with its database for hours. Here each keeps 8 MB; the kernel has the rest of the file in its own cache.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from prefect.server.api.server import create_app as prefect_app
from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.settings import PREFECT_UI_API_URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry
from starlette.types import ASGIApp

from boifi_core.child_process import entitle
from boifi_core.wire.web_pages import can_be_a_pages, host_of, is_loopback
from deployments.closed import Closed

CACHE_KIB = 8_000
"""What a connection keeps of the database in memory."""

_prefect_setup = AioSqliteConfiguration.setup_sqlite


@asynccontextmanager
async def _begin_immediately(
    _self: AioSqliteConfiguration, session: AsyncSession, with_for_update: bool = False
) -> AsyncGenerator[AsyncSessionTransaction, None]:
    token = SQLITE_BEGIN_MODE.set("IMMEDIATE")
    try:
        async with session.begin() as transaction:
            yield transaction
    finally:
        SQLITE_BEGIN_MODE.reset(token)


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
    AioSqliteConfiguration.setup_sqlite = _set_up  # type: ignore[method-assign, assignment]
    AioSqliteConfiguration.begin_transaction = _begin_immediately  # type: ignore[method-assign, assignment]
    return prefect_app()


class _HeldPort(socket.socket):
    def listen(self, backlog: int = socket.SOMAXCONN, /) -> None:
        # From here on nobody else can have the port; connections of the server before may still have it.
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        super().listen(backlog)


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
    server = uvicorn.Server(config)
    server.run(sockets=[port])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(serve(_HeldPort(fileno=int(sys.argv[1]))))
