"""What the pages are made of: recommendations, reviews, stock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from demo.shop.service import CallFailed, CallTimedOut, Mesh, Routes, work

POOL_SIZE = 1
POOL_WAIT_S = 0.060
OPEN_S = 0.3
COUNTING_MS = 70


def recommendations(mesh: Mesh) -> Routes:
    """`GET /for-you`: made for the customer's profile, where that is known."""

    async def for_you(_request: web.Request) -> web.StreamResponse:
        try:
            profile = await mesh.get("profiles", "/profiles/17")
        except CallFailed:
            profile = {"likes": []}
        await work(2)
        return web.json_response({"items": [7, 11, 42], "because": profile["likes"]})

    return {"GET /for-you": for_you}


def profiles(_mesh: Mesh) -> Routes:
    """`GET /profiles/{id}`."""

    async def profile(request: web.Request) -> web.StreamResponse:
        await work(2)
        return web.json_response({"id": request.match_info["id"], "likes": ["books"]})

    return {"GET /profiles/{id}": profile}


def bestsellers(_mesh: Mesh) -> Routes:
    """`GET /top`: stands in for the recommendations; counted anew each time."""

    async def top(_request: web.Request) -> web.StreamResponse:
        await work(COUNTING_MS)
        return web.json_response({"items": [1, 2, 3]})

    return {"GET /top": top}


def reviews(_mesh: Mesh) -> Routes:
    """`GET /reviews/{id}`."""

    async def of_item(request: web.Request) -> web.StreamResponse:
        await work(4)
        return web.json_response({"item": request.match_info["id"], "stars": [5, 4, 5]})

    return {"GET /reviews/{id}": of_item}


def inventory(mesh: Mesh) -> Routes:
    """`GET /stock/{id}`, `POST /reserve`: what lies in the warehouse, over a small pool of connections to it.

    Once the warehouse did not answer in time it is left alone for `OPEN_S`, and the stock last seen is told instead.
    """
    pool = asyncio.Semaphore(POOL_SIZE)
    last_stock = 100
    open_until = 0.0

    @asynccontextmanager
    async def connection() -> AsyncIterator[None]:
        async with asyncio.timeout(POOL_WAIT_S):
            await pool.acquire()
        try:
            yield
        finally:
            pool.release()

    async def in_warehouse(path: str) -> Any:
        nonlocal last_stock, open_until
        loop = asyncio.get_running_loop()
        async with connection():
            if loop.time() < open_until:
                return {"stock": last_stock}
            try:
                found = await mesh.get("warehouse", path)
            except CallTimedOut:
                open_until = loop.time() + OPEN_S
                return {"stock": last_stock}
        last_stock = found["stock"]
        return found

    async def stock(request: web.Request) -> web.StreamResponse:
        return await answered(f"/stock/{request.match_info['id']}")

    async def reserve(request: web.Request) -> web.StreamResponse:
        order = await request.json()
        return await answered(f"/stock/{order['item']}")

    async def answered(path: str) -> web.StreamResponse:
        try:
            return web.json_response(await in_warehouse(path))
        except TimeoutError:
            return web.Response(text="No connection to the warehouse is free.", status=503)
        except CallFailed as error:
            return web.Response(text="The warehouse does not answer.", status=error.status)

    return {"GET /stock/{id}": stock, "POST /reserve": reserve}


def warehouse(_mesh: Mesh) -> Routes:
    """`GET /stock/{id}`."""

    async def stock(request: web.Request) -> web.StreamResponse:
        await work(3)
        return web.json_response({"item": request.match_info["id"], "stock": 100})

    return {"GET /stock/{id}": stock}
