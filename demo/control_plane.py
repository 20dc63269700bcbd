"""The HFI wire in front of the mesh. It is for programs: what a web page sends is refused."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from boifi_core.errors import ExecutorTimedOut
from boifi_core.wire.web_pages import objection
from demo.faults import Faults
from demo.mesh.envoy import MeshError
from demo.mesh.policy import PolicyRefused, parse_policy
from demo.traffic import Windows

_MAX_BODY_BYTES = 1_000_000
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def control_plane(faults: Faults, windows: Windows | None, is_ready: Callable[[], bool]) -> web.Application:
    """The routes of the HFI wire; without `windows` there is no observation endpoint, as in a stock control plane."""

    async def health(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "healthy"})

    async def ready(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ready"}) if is_ready() else _error(503, "the mesh or the shop has ended")

    async def latest(_request: web.Request) -> web.StreamResponse:
        if windows is None:
            return _error(404, "this control plane observes nothing")
        observation = await windows.latest()
        return web.Response(text=observation.model_dump_json(), content_type="application/json")

    app = web.Application(middlewares=[_programs_only, _errors], client_max_size=_MAX_BODY_BYTES)
    app.router.add_get("/v1/health", health)
    app.router.add_get("/v1/ready", ready)
    app.router.add_get("/v1/observations/latest", latest)
    app.router.add_routes(_policy_routes(faults))
    return app


def _policy_routes(faults: Faults) -> list[web.RouteDef]:
    async def put(request: web.Request) -> web.StreamResponse:
        try:
            as_given = json.loads(await request.read(), parse_constant=_no_number)
            await faults.put(parse_policy(as_given), as_given)
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            return _error(400, "body: must be JSON")
        except PolicyRefused as error:
            return _error(400, str(error))
        return web.json_response(as_given, status=201)

    async def every(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"policies": faults.list()})

    async def one(request: web.Request) -> web.StreamResponse:
        found = faults.get(request.match_info["name"])
        return _not_there(request) if found is None else web.json_response(found)

    async def remove(request: web.Request) -> web.StreamResponse:
        removed = await faults.remove(request.match_info["name"])
        return web.json_response({"status": "deleted"}) if removed else _not_there(request)

    return [
        web.post("/v1/policies", put),
        web.get("/v1/policies", every),
        web.get("/v1/policies/{name}", one),
        web.delete("/v1/policies/{name}", remove),
    ]


@web.middleware
async def _programs_only(request: web.Request, handler: _Handler) -> web.StreamResponse:
    problem = objection(request.headers)
    return await handler(request) if problem is None else _error(403, problem)


@web.middleware
async def _errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _error(error.status, error.reason)
    except (MeshError, ExecutorTimedOut) as error:
        return _error(503, str(error))


def _no_number(text: str) -> Any:
    raise PolicyRefused(f"body: {text} is no JSON number")


def _not_there(request: web.Request) -> web.StreamResponse:
    return _error(404, f"no policy {request.match_info['name']}")


def _error(status: int, message: str) -> web.StreamResponse:
    return web.json_response({"error": message}, status=status)
