"""What every service of the shop has: a traced HTTP server, and calls to the others through the mesh."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from demo.mesh.bootstrap import SOURCE_HEADER
from demo.shop.tracing import Exporter, mark_error, start_span, traceparent

log = logging.getLogger("shop")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Routes = Mapping[str, Handler]
"""`METHOD /path` to its handler."""


class CallFailed(Exception):
    """Another service answered with an error; `text` is what it said."""

    def __init__(self, service: str, status: int, text: str = "") -> None:
        super().__init__(f"{service} answered {status}")
        self.status = status
        self.text = text


class CallTimedOut(CallFailed):
    """Another service did not answer in time."""


class Mesh:
    """Calls to other services by one of them.

    Args:
        caller: the service's own name.
        http: a session that reaches the mesh's outbound side, shared by all.
    """

    def __init__(self, caller: str, http: aiohttp.ClientSession) -> None:
        self._caller = caller
        self._http = http

    async def get(self, service: str, path: str) -> Any:
        """The JSON of the answer.

        Raises:
            CallTimedOut: no answer within the link's time-out.
            CallFailed: any other answer of 400 and above, after the link's retries.
        """
        return await self._call("GET", service, path, None)

    async def post(self, service: str, path: str, body: Any) -> Any:
        """As `get`, with a JSON body."""
        return await self._call("POST", service, path, body)

    async def _call(self, method: str, service: str, path: str, body: Any) -> Any:
        headers = {SOURCE_HEADER: self._caller}
        context = traceparent()
        if context is not None:
            headers["traceparent"] = context
        try:
            async with self._http.request(method, f"http://{service}{path}", json=body, headers=headers) as answer:
                if answer.status < 400:
                    return await answer.json(content_type=None)
                status, text = answer.status, await answer.text()
        except (aiohttp.ClientError, OSError):
            status, text = 503, "connection lost"
        raise (CallTimedOut if status == 504 else CallFailed)(service, status, text)


async def work(duration_ms: float) -> None:
    """What a database or a computation would take."""
    await asyncio.sleep(duration_ms / 1000)


def log_error(message: str) -> None:
    """An ERROR line in the shop's log, and the mark of it on the current span."""
    log.error(message)
    mark_error(message)


async def serve(name: str, routes: Routes, exporter: Exporter, socket: Path) -> web.AppRunner:
    """Serve a service at this socket, which no web page and no other user reaches; the runner that ends it."""
    app = web.Application(middlewares=[_traced(name, exporter)])
    for route, handler in routes.items():
        method, path = route.split()
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, socket).start()
    return runner


def _traced(name: str, exporter: Exporter) -> Any:
    @web.middleware
    async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
        span = start_span(f"{request.method} {request.path}", request.headers.get("traceparent"))
        status = 500
        try:
            answer = await handler(request)
            status = answer.status
        except web.HTTPException as error:
            status = error.status
            raise
        except CallFailed as error:
            log.exception("%s: unhandled", name)
            mark_error(str(error))
            return web.json_response({"error": f"{name}: {error}"}, status=500)
        else:
            return answer
        finally:
            exporter.end(name, span, status)

    return traced
