"""The HTTP client that injector and probe are built on."""

from __future__ import annotations

import http.cookiejar
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx

from boifi_core.errors import InvalidInput

# Proxies from the environment are for the world outside, whatever NO_PROXY says.
_LOOPBACK_DIRECT: Mapping[str, None] = {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}

# Servers commonly drop connections that idle for 2 to 5 seconds. A request that meets that moment fails by no fault of
# the target's, so ours are given up before.
_KEEP_IDLE_S = 1.5


def new_client(
    urls: Iterable[str],
    *,
    connections: int,
    headers: Mapping[str, str],
    ca_file: Path | None = None,
    section: str = "executor",
) -> httpx.AsyncClient:
    """A client without redirects, cookies or time-outs of its own; whoever calls it sets the limits.

    Args:
        urls: what it will be asked for.
        connections: most at a time.
        headers: sent with every request.
        ca_file: the authorities to trust instead of the usual ones, and `section` where the user named them.

    Raises:
        InvalidInput: `ca_file` holds no certificates.
    """
    return httpx.AsyncClient(
        verify=_trust(any(url.startswith("https:") for url in urls), ca_file, section),
        headers={"User-Agent": "boifi", "Accept-Encoding": "identity", **headers},
        cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
        mounts=_LOOPBACK_DIRECT,
        follow_redirects=False,
        timeout=None,
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEP_IDLE_S
        ),
    )


def _trust(any_https: bool, ca_file: Path | None, section: str) -> ssl.SSLContext | bool:
    if not any_https:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; loading the usual roots takes tens of ms
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (ssl.SSLError, OSError) as error:
        raise InvalidInput(f"{section}.ca_file", "must be a PEM file of certificates", str(ca_file)) from error
