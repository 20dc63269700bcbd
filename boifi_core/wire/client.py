"""The HTTP client that injector and probe are built on."""

from __future__ import annotations

import http.cookiejar
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import httpx

from boifi_core.errors import InvalidInput
from boifi_core.wire.endpoint import Trust
from boifi_core.wire.proxies import check_proxies, direct_mounts

# Servers commonly drop connections that idle for 2 to 5 seconds. A request that meets that moment fails by no fault of
# the target's, so ours are given up before.
_KEEP_IDLE_S = 1.5


Check = Callable[[str, int, str], None]
"""Is told host, port and address of a new connection; raises `InvalidInput` where there must be none."""

_check: ContextVar[Check | None] = ContextVar("check", default=None)


@contextmanager
def checked(check: Check) -> Iterator[None]:
    """Let each client that is made within have its connections checked, before anything is sent over them."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def new_client(
    urls: Iterable[str],
    *,
    connections: int,
    headers: Mapping[str, str],
    trust: Trust | None = None,
    section: str = "executor",
) -> httpx.AsyncClient:
    """A client without redirects, cookies or time-outs of its own; whoever calls it sets the limits.

    Args:
        urls: what it will be asked for.
        connections: most at a time.
        headers: sent with every request.
        trust: whom to trust over TLS, and the client's own certificate; `section` is where the user named the files.

    Raises:
        InvalidInput: a file holds no certificates, or a proxy of the environment is none.
    """
    urls = [*urls]
    check_proxies()
    check = _check.get()
    return httpx.AsyncClient(
        event_hooks={} if check is None else {"request": [_watching(check)]},
        verify=_verify(any(url.startswith("https:") for url in urls), trust, section),
        headers={"User-Agent": "boifi", "Accept-Encoding": "identity", **headers},
        cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
        mounts=direct_mounts(urls),
        follow_redirects=False,
        timeout=None,
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEP_IDLE_S
        ),
    )


def _watching(check: Check) -> Callable[[httpx.Request], Any]:
    """A hook that has every new connection of a request looked at; one that must not be is as one that is refused."""

    async def watch(request: httpx.Request) -> None:
        asked: dict[str, Any] = {}

        async def look(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.started":
                asked.update(info)
            elif event == "connection.connect_tcp.complete":
                stream = info["return_value"]
                try:
                    check(asked["host"], asked["port"], stream.get_extra_info("server_addr")[0])
                except InvalidInput as error:
                    await stream.aclose()
                    raise httpx.ConnectError(str(error), request=request) from error

        request.extensions = {**request.extensions, "trace": look}

    return watch


def _verify(any_https: bool, trust: Trust | None, section: str) -> ssl.SSLContext | bool:
    if not any_https:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; loading the usual roots takes tens of ms
    if trust is None or (trust.ca_file is None and trust.client_cert_file is None):
        return True
    try:
        context = httpx.create_ssl_context() if trust.ca_file is None else _trusting(trust.ca_file)
    except (ssl.SSLError, OSError) as error:
        raise InvalidInput(f"{section}.ca_file", "must be a PEM file of certificates", str(trust.ca_file)) from error
    if trust.client_cert_file is not None:
        try:
            # Without a password, which OpenSSL would ask for at the terminal.
            context.load_cert_chain(trust.client_cert_file, trust.client_key_file, password="")
        except (ssl.SSLError, OSError, ValueError) as error:
            rule = "must be a PEM file of a certificate, with its key there or in client_key_file, without a password"
            raise InvalidInput(f"{section}.client_cert_file", rule, str(trust.client_cert_file)) from error
    return context


def _trusting(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
