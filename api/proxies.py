"""Whom a request is from where a proxy hands it on: what a proxy says is believed of those alone that are trusted."""

from __future__ import annotations

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_PEER = "boifi.peer"


class TrustedProxies:
    """ASGI middleware: takes client and scheme of a request from a trusted proxy as that proxy says.

    Args:
        trusted: addresses and networks.
    """

    def __init__(self, app: ASGIApp, trusted: Collection[str]) -> None:
        self._believing = ProxyHeadersMiddleware(app, trusted_hosts=list(trusted))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope[_PEER] = scope.get("client")
        await self._believing(scope, receive, send)  # type: ignore[arg-type]


def peer_of(scope: Scope) -> str | None:
    """The address that the connection comes from, whatever a proxy says."""
    peer = scope.get(_PEER, scope.get("client"))
    return peer[0] if peer else None
