"""From the cart to the bank."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from aiohttp import web

from demo.shop.mends import CART_FOR_NOTHING
from demo.shop.service import CallFailed, CallTimedOut, Mesh, Routes, log_error, work

CHARGE_TRIES = 2


def pricing(_mesh: Mesh) -> Routes:
    """`GET /prices/{id}`, `POST /quotes`."""

    async def price(request: web.Request) -> web.StreamResponse:
        await work(3)
        return web.json_response({"item": request.match_info["id"], "price": 1799})

    async def quote(request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        await work(3)
        return web.json_response({"price": 1799 * wanted["count"]})

    return {"GET /prices/{id}": price, "POST /quotes": quote}


def promotions(_mesh: Mesh) -> Routes:
    """`POST /apply`: what is left to pay of a price."""

    async def apply(request: web.Request) -> web.StreamResponse:
        price = (await request.json())["price"]
        await work(3)
        return web.json_response({"total": price - price // 10})

    return {"POST /apply": apply}


def cart(mesh: Mesh, mended: Collection[str] = ()) -> Routes:
    """`POST /items`, `GET /carts/{id}`.

    Args:
        mended: names of `demo.shop.mends`: what is mended.
    """

    async def to_pay(price: int) -> int:
        if CART_FOR_NOTHING in mended:
            return price - price // 10
        total = 0
        try:
            total = (await mesh.post("promotions", "/apply", {"price": price}))["total"]
        except CallFailed as error:
            log_error(f"promotions: {error}")
        return total

    async def add(request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        try:
            quote = await mesh.post("pricing", "/quotes", {"count": wanted["count"]})
        except CallFailed as error:
            log_error(f"no price: {error}")
            return web.Response(text="There is no price for this cart.", status=502)
        return web.json_response({"items": [wanted], "total": await to_pay(quote["price"])})

    async def look(request: web.Request) -> web.StreamResponse:
        await work(3)
        return web.json_response({"id": request.match_info["id"], "items": [{"item": 42, "count": 1}]})

    return {"POST /items": add, "GET /carts/{id}": look}


def orders(mesh: Mesh) -> Routes:
    """`POST /orders`: cart, price, reservation, charge."""

    async def charged(amount: int) -> Any:
        for attempt in range(1, CHARGE_TRIES + 1):
            try:
                return await mesh.post("payments", "/charges", {"amount": amount})
            except CallTimedOut as error:
                log_error(f"charge, try {attempt}: {error}")
        return None

    async def priced(count: int) -> int | None:
        try:
            quote = await mesh.post("pricing", "/quotes", {"count": count})
        except CallFailed as error:
            log_error(f"order without a price: {error}")
            return None
        return int(quote["price"])

    async def place(request: web.Request) -> web.StreamResponse:
        order = await request.json()
        try:
            contents = await mesh.get("cart", f"/carts/{order['cart']}")
            price = await priced(len(contents["items"]))
            if price is None:
                return web.Response(text="There is no price for this order.", status=502)
            await mesh.post("inventory", "/reserve", {"item": contents["items"][0]["item"]})
            receipt = await charged(price)
        except CallFailed as error:
            return web.Response(text="This order was not taken.", status=error.status)
        if receipt is None:
            return web.Response(text="This order was not paid.", status=504)
        return web.json_response({"order": order["cart"], "receipt": receipt})

    return {"POST /orders": place}


def payments(mesh: Mesh) -> Routes:
    """`POST /charges`: what the bank has debited."""

    async def charge(request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        try:
            debit = await mesh.post("bank", "/debits", {"amount": wanted["amount"]})
        except CallFailed as error:
            return web.Response(text="The bank does not debit this.", status=error.status)
        return web.json_response({"charged": debit["debited"]})

    return {"POST /charges": charge}


def bank(_mesh: Mesh) -> Routes:
    """`POST /debits`."""

    async def debit(request: web.Request) -> web.StreamResponse:
        amount = (await request.json())["amount"]
        await work(5)
        return web.json_response({"debited": amount})

    return {"POST /debits": debit}
