"""Prefect's server as BOIFI starts it."""

import asyncio

from prefect.server.database.configurations import AioSqliteConfiguration

from deployments import prefect_server


def test_each_connection_keeps_little_of_the_database_in_memory_and_writes_a_log_ahead(tmp_path):
    prefect_server.create_app()

    async def told():
        engine = await AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path}/prefect.db").engine()
        async with engine.connect() as connection:
            names = ("cache_size", "journal_mode")
            return [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in names]

    assert asyncio.run(told()) == [-prefect_server.CACHE_KIB, "wal"]
