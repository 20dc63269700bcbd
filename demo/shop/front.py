"""The front tier: the gateway, which makes the pages, and the catalogue behind it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

from demo.shop.mends import NO_REVIEWS
from demo.shop.service import CallFailed, CallTimedOut, Handler, Mesh, Routes, log_error, work

WORKERS = 3
PAGE_BUDGET_S = 0.200
OPEN_S = 0.5
LATE_PAGES = 8
LATE_WITHIN_S = 0.4
CLOSED_S = 0.3


def gateway(mesh: Mesh, mended: Collection[str] = ()) -> Routes:
    """`GET /`, `GET /product/{id}` (pages), `POST /cart`, `POST /checkout`.

    Args:
        mended: names of `demo.shop.mends`: what is mended.
    """

    async def add_to_cart(request: web.Request) -> web.StreamResponse:
        return await _passed_on(mesh, "cart", "/items", await request.json())

    async def check_out(request: web.Request) -> web.StreamResponse:
        return await _passed_on(mesh, "orders", "/orders", await request.json())

    doors = _Doors()
    routes = {route: doors.within_budget(make) for route, make in _pages(mesh, mended).items()}
    routes |= {"POST /cart": add_to_cart, "POST /checkout": check_out}
    return {route: doors.unless_closed(serve) for route, serve in routes.items()}


class _Doors:
    """How many get in: a page is made by one of `WORKERS`, and not waited for beyond its budget: customers leave.

    After `LATE_PAGES` late pages within `LATE_WITHIN_S` the shop closes for `CLOSED_S`, to get its breath back.
    """

    def __init__(self) -> None:
        self._workers = asyncio.Semaphore(WORKERS)
        self._late: deque[float] = deque(maxlen=LATE_PAGES)
        self._closed_until = 0.0

    def within_budget(self, make: Handler) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            try:
                async with asyncio.timeout(PAGE_BUDGET_S), self._workers:
                    return await make(request)
            except TimeoutError:
                self._note_late(asyncio.get_running_loop().time())
                log_error(f"{request.path} took more than its {PAGE_BUDGET_S * 1000:.0f} ms")
                return web.json_response({"error": "page is not ready in time"}, status=503)

        return handler

    def unless_closed(self, serve: Handler) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            if asyncio.get_running_loop().time() < self._closed_until:
                return web.json_response({"error": "the shop is overloaded"}, status=503)
            return await serve(request)

        return handler

    def _note_late(self, now: float) -> None:
        self._late.append(now)
        if len(self._late) == LATE_PAGES and now - self._late[0] < LATE_WITHIN_S:
            self._closed_until = now + CLOSED_S
            self._late.clear()


def _pages(mesh: Mesh, mended: Collection[str]) -> Routes:
    last_pages: dict[str, Any] = {}
    recommended = _recommendations(mesh)

    async def catalogue_page(path: str) -> Any:
        try:
            page = last_pages[path] = await mesh.get("catalogue", path)
        except CallFailed as error:
            log_error(f"catalogue is down, its last page is shown: {error}")
            return last_pages.get(path, {"items": []})
        return page

    async def for_you() -> Any:
        try:
            return await recommended()
        except CallFailed:
            return await mesh.get("bestsellers", "/top")

    async def also_bought() -> Any:
        try:
            return await recommended()
        except CallTimedOut:
            return {"items": []}

    async def home(_request: web.Request) -> web.StreamResponse:
        featured, items = await asyncio.gather(catalogue_page("/featured"), for_you())
        return web.json_response({"featured": featured, "for_you": items})

    async def product(request: web.Request) -> web.StreamResponse:
        item = request.match_info["id"]
        page, others = await asyncio.gather(catalogue_page(f"/items/{item}"), also_bought())
        try:
            in_stock, reviews = await asyncio.gather(_stock(mesh, item), _reviews(mesh, item, mended))
        except CallFailed as error:
            log_error(f"product page: {error}")
            return web.Response(text="This page is not available.", status=502)
        return web.json_response({"item": page, "stock": in_stock, "reviews": reviews, "also_bought": others})

    return {"GET /": home, "GET /product/{id}": product}


def _recommendations(mesh: Mesh) -> Callable[[], Awaitable[Any]]:
    """A call to the recommendations; once they did not answer in time they are left alone for `OPEN_S`."""
    open_until = 0.0

    async def recommended() -> Any:
        nonlocal open_until
        loop = asyncio.get_running_loop()
        if loop.time() < open_until:
            raise CallTimedOut("recommendations", 504, "left alone")
        try:
            return await mesh.get("recommendations", "/for-you")
        except CallTimedOut:
            open_until = loop.time() + OPEN_S
            raise

    return recommended


async def _stock(mesh: Mesh, item: str) -> Any:
    try:
        return await mesh.get("inventory", f"/stock/{item}")
    except CallFailed:
        return {"availability": "unknown"}


async def _reviews(mesh: Mesh, item: str, mended: Collection[str]) -> Any:
    return None if NO_REVIEWS in mended else await mesh.get("reviews", f"/reviews/{item}")


async def _passed_on(mesh: Mesh, service: str, path: str, body: Any) -> web.StreamResponse:
    try:
        return web.json_response(await mesh.post(service, path, body))
    except CallTimedOut:
        return web.Response(text="Please try again later.", status=504)
    except CallFailed as error:
        return web.Response(text=error.text, status=error.status)


def catalogue(mesh: Mesh) -> Routes:
    """`GET /featured`, `GET /items/{id}`: what is sold, at today's price."""

    async def priced(path: str) -> Any:
        try:
            return await mesh.get("pricing", path)
        except CallFailed as error:
            if isinstance(error, CallTimedOut) or error.status < 500:
                return {"price": 1999, "list_price": True}
            raise

    def page(what: Callable[[web.Request], str]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            await work(3)
            try:
                return web.json_response({"what": what(request), "price": await priced(f"/prices/{what(request)}")})
            except CallFailed as error:
                log_error(str(error))
                return web.json_response({"error": str(error)}, status=error.status)

        return handler

    return {
        "GET /featured": page(lambda _request: "featured"),
        "GET /items/{id}": page(lambda request: request.match_info["id"]),
    }
