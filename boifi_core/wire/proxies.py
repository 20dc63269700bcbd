"""Proxies of the environment: they are for the world outside, never for this machine itself.

Which variables there are, and in which case they win, is as `urllib.request.getproxies_environment` has it; httpx, and
with it Prefect's client, asks that.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from boifi_core.errors import InvalidInput
from boifi_core.wire.web_pages import is_loopback

_SCHEMES = ("http", "https", "all")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def spare_loopback(urls: Iterable[str] = ()) -> None:
    """Let this process, and those that it starts, reach loopback without a proxy: by `NO_PROXY`, which they all read.

    Args:
        urls: those of them that lie on other loopback addresses are spared too.
    """
    known = getproxies_environment()
    listed = [host for each in known.get("no", "").split(",") if (host := each.strip())]
    if "*" in listed or not any(known.get(scheme) for scheme in _SCHEMES):
        return
    hosts = [*listed, *_LOOPBACK, *_loopback_hosts(urls)]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(dict.fromkeys(hosts))


def direct_mounts(urls: Iterable[str]) -> Mapping[str, None]:
    """What has a client of httpx's reach loopback, and those of `urls` that lie there, without a proxy."""
    hosts = dict.fromkeys([*_LOOPBACK, *_loopback_hosts(urls)])
    return {f"all://[{host}]" if ":" in host else f"all://{host}": None for host in hosts}


def check_proxies() -> None:
    """Return if a client can be made with the environment's proxies.

    Raises:
        InvalidInput: not with one of them; names its variable.
    """
    known = getproxies_environment()
    if not any(known.get(scheme) for scheme in _SCHEMES):
        return
    import httpx

    # Trusts nobody: loading the usual authorities takes tens of milliseconds.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for scheme in _SCHEMES:
        if (written := known.get(scheme)) and (problem := _misfit(written, nobody)):
            raise InvalidInput(_variable(scheme, written), problem, written)
    try:
        httpx.Client(verify=nobody).close()
    except (ValueError, httpx.InvalidURL):
        rule = "must be hosts with commas between them"
        raise InvalidInput(_variable("no", known["no"]), rule, known["no"]) from None


def _misfit(written: str, trust: ssl.SSLContext) -> str | None:
    """The rule that a proxy breaks, by what the client says of it."""
    import httpx

    url = written if "://" in written else f"http://{written}"
    try:
        parts = urlsplit(url)
        is_sound = bool(parts.hostname) and parts.port != 0 and not any(map(str.isspace, url))
        httpx.HTTPTransport(proxy=httpx.Proxy(url), verify=trust).close()
    except ImportError:
        return "must be an http:// or https:// proxy; for SOCKS, the Python package socksio must be installed"
    except (ValueError, httpx.InvalidURL):
        is_sound = False
    return None if is_sound else "must be a proxy, http://HOST:PORT"


def _loopback_hosts(urls: Iterable[str]) -> Iterable[str]:
    for url in urls:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:  # whoever needs it says so
            continue
        if is_loopback(host):
            yield host


def _variable(scheme: str, written: str) -> str:
    """The variable's name as it is written: its case is anybody's choice, and the small one wins."""
    names = (name for name in sorted(os.environ, reverse=True) if name.lower() == f"{scheme}_proxy")
    return next((name for name in names if os.environ[name] == written), f"{scheme}_proxy".upper())
