"""What every service of the shop has: a traced HTTP server, and calls to the others through the mesh."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from demo.mesh.spans import PORT
from demo.shop.own_spans import mark_error
from demo.shop.tracing import Tracer

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
        http: a session that reaches the service's own side of the mesh.
        tracer: the service's.
    """

    def __init__(self, http: aiohttp.ClientSession, tracer: Tracer) -> None:
        self._http = http
        self._tracer = tracer

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
        url = f"http://{service}:{PORT}{path}"
        try:
            with self._tracer.calling(method, url) as call:
                async with self._http.request(method, url, json=body, headers=call.headers) as answer:
                    call.status = answer.status
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


async def serve(name: str, routes: Routes, tracer: Tracer, socket: Path) -> web.AppRunner:
    """Serve a service at this socket, which no web page and no other user reaches; the runner that ends it."""
    app = web.Application(middlewares=[_traced(name, tracer)])
    for route, handler in routes.items():
        method, path = route.split()
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, socket).start()
    return runner


def _traced(name: str, tracer: Tracer) -> Any:
    @web.middleware
    async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
        with tracer.serving(request) as served:
            try:
                answer = await handler(request)
                served.status = answer.status
            except web.HTTPException as error:
                served.status = error.status
                raise
            except CallFailed as error:
                log.exception("%s: unhandled", name)
                served.error = error
                return web.json_response({"error": f"{name}: {error}"}, status=500)
            return answer

    return traced
