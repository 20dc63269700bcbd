"""What stands around Prefect's server: nothing but its own pages and programs with the login get to it.

Prefect asks programs for a login, where one is set, and lets pages of any origin call it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from boifi_core.wire.web_pages import is_from_elsewhere

ENTER = "/enter"
"""The page that logs a browser in, with the login as the URL's fragment, which is never sent and so never logged."""

# Prefect's UI, both of them, keep the login so.
_SCRIPT = """
const login = btoa(decodeURIComponent(location.hash.slice(1)));
history.replaceState(null, "", location.pathname);
fetch("api/admin/version", {headers: {Authorization: `Basic ${login}`}}).then((answer) => {
  if (!answer.ok) throw new Error(answer.status);
  localStorage.setItem("prefect-password", login);
  location.replace("./");
}).catch(() => {
  document.querySelector("p").textContent = "This link does not log in: take the one that was printed last.";
});
"""
_PAGE = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>BOIFI: log in to Prefect</title>
<p>Logging in to Prefect…</p><noscript>Prefect's pages need JavaScript.</noscript><script>{_SCRIPT}</script></html>
"""
_PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'"
)

_OF_EVERY_ANSWER = {
    "x-frame-options": "DENY",
    "content-security-policy": "connect-src 'self'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class Closed:
    """ASGI middleware: refuses whom a web page of elsewhere sends, and lets no such page read an answer.

    Args:
        is_own: whether the server is reached by this host, the one of a Host header.
        ui_url: where its pages lie if a proxy gives them an origin of its own; no part of it but the origin matters.
    """

    def __init__(self, app: ASGIApp, is_own: Callable[[str], bool], ui_url: str | None = None) -> None:
        self._app = app
        self._is_own = is_own
        ui = urlsplit(ui_url or "")
        self._ui_host, self._ui_origin = ui.netloc.lower(), f"{ui.scheme}://{ui.netloc}".lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        problem = self._objection(scope, Headers(scope=scope))
        if problem is not None and scope["type"] == "websocket":
            await WebSocketClose(1008, problem)(scope, receive, send)
        elif problem is not None:
            await PlainTextResponse(f"{problem}\n", 403, _OF_EVERY_ANSWER)(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == ENTER:
            headers = {**_OF_EVERY_ANSWER, "content-security-policy": _PAGE_POLICY, "cache-control": "no-store"}
            await HTMLResponse(_PAGE, headers=headers)(scope, receive, send)
        else:
            await self._app(scope, receive, _guarded(send))

    def _objection(self, scope: Scope, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if not host or not (host == self._ui_host or self._is_own(host)):
            return "Host must be one that this server is reached by"
        own = {f"http://{host}", self._ui_origin} if host != self._ui_host else {self._ui_origin}
        if any(origin.lower() not in own for origin in headers.getlist("origin")):
            return "pages of other origins are not served"
        if is_from_elsewhere(scope.get("method", ""), headers):
            return "pages of other origins are not served"
        return None


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
            for name, value in _OF_EVERY_ANSWER.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded
