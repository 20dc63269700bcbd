"""Prefect's server as BOIFI starts it."""

import asyncio
import socket

import pytest
from prefect.server.database.configurations import AioSqliteConfiguration

from cli.prefect_api import hold_port
from deployments import prefect_server


def test_each_connection_keeps_little_of_the_database_in_memory_and_writes_a_log_ahead(tmp_path):
    prefect_server.create_app()

    async def told():
        engine = await AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path}/prefect.db").engine()
        async with engine.connect() as connection:
            names = ("cache_size", "journal_mode")
            return [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in names]

    assert asyncio.run(told()) == [-prefect_server.CACHE_KIB, "wal"]


def test_a_held_port_is_nobody_elses_before_a_server_listens_and_free_once_that_has_ended():
    with hold_port() as held:
        number = held.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            hold_port(number)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", number))
        with prefect_server._HeldPort(fileno=held.detach()) as listening:
            listening.listen()
            with pytest.raises(OSError, match="in use"):
                hold_port(number)
            with socket.create_connection(("127.0.0.1", number)) as client:
                server_side, _ = listening.accept()
                server_side.close()  # who closes first has the connection's remains for a minute
                assert client.recv(1) == b""
    with hold_port(number) as held, prefect_server._HeldPort(fileno=held.detach()) as listening:
        listening.listen()
