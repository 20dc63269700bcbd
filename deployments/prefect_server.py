"""Prefect's server as BOIFI starts it: `uvicorn --factory deployments.prefect_server:create_app`.

On SQLite a transaction that reads before it writes fails at once when another has written in between, whatever the
busy time-out; Prefect's server then answers 503, and its clients wait for many seconds. Here every transaction takes
the right to write as it begins, and waits for it instead.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prefect.server.api.server import create_app as prefect_app
from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


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


def create_app() -> FastAPI:
    """Prefect's server, with transactions that wait for their turn."""
    AioSqliteConfiguration.begin_transaction = _begin_immediately  # type: ignore[method-assign, assignment]
    return prefect_app()
