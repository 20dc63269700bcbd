"""The front tier: the gateway, which makes the pages, and the catalogue behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from demo.shop.service import CallFailed, CallTimedOut, Handler, Mesh, Routes, log_error, work

PAGE_BUDGET_S = 0.140


def gateway(mesh: Mesh) -> Routes:
    """`GET /`, `GET /product/{id}`, `POST /cart`, `POST /checkout`."""

    async def add_to_cart(request: web.Request) -> web.StreamResponse:
        return await _passed_on(mesh, "cart", "/items", await request.json())

    async def check_out(request: web.Request) -> web.StreamResponse:
        return await _passed_on(mesh, "orders", "/orders", await request.json())

    return {**_pages(mesh), "POST /cart": add_to_cart, "POST /checkout": check_out}


def _pages(mesh: Mesh) -> Routes:
    last_pages: dict[str, Any] = {}

    async def catalogue_page(path: str) -> Any:
        try:
            page = last_pages[path] = await mesh.get("catalogue", path)
        except CallFailed as error:
            log_error(f"catalogue is down, its last page is shown: {error}")
            return last_pages.get(path, {"items": []})
        return page

    async def home(_request: web.Request) -> web.StreamResponse:
        featured, for_you = await asyncio.gather(catalogue_page("/featured"), _recommended(mesh))
        return web.json_response({"featured": featured, "for_you": for_you})

    async def product(request: web.Request) -> web.StreamResponse:
        item = request.match_info["id"]
        page = await catalogue_page(f"/items/{item}")
        try:
            in_stock, reviews = await asyncio.gather(_stock(mesh, item), mesh.get("reviews", f"/reviews/{item}"))
        except CallFailed as error:
            log_error(f"product page: {error}")
            return web.Response(text="This page is not available.", status=502)
        return web.json_response({"item": page, "stock": in_stock, "reviews": reviews})

    return {"GET /": _within_budget(home), "GET /product/{id}": _within_budget(product)}


async def _recommended(mesh: Mesh) -> Any:
    try:
        return await mesh.get("recommendations", "/for-you")
    except CallFailed:
        return await mesh.get("bestsellers", "/top")


async def _stock(mesh: Mesh, item: str) -> Any:
    try:
        return await mesh.get("inventory", f"/stock/{item}")
    except CallFailed:
        return {"availability": "unknown"}


def _within_budget(page: Handler) -> Handler:
    """A page that is not ready within the budget is not waited for: customers leave."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(PAGE_BUDGET_S):
                return await page(request)
        except TimeoutError:
            log_error(f"{request.path} took more than its {PAGE_BUDGET_S * 1000:.0f} ms")
            return web.json_response({"error": "page is not ready in time"}, status=503)

    return handler


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
