"""Proxies of the environment: they are for the world outside, never for this machine itself, nor for networks that
`NO_PROXY` names (`10.0.0.0/8`): httpx takes these for hosts, and refuses to begin with one of IPv6.

Which variables there are, and in which case they win, is as `urllib.request.getproxies_environment` has it; httpx, and
with it Prefect's client, asks that.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from boifi_core.errors import InvalidInput
from boifi_core.wire.web_pages import is_loopback

_SCHEMES = ("http", "https", "all")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def spare_loopback(urls: Iterable[str] = ()) -> None:
    """Let this process, and those that it starts, reach loopback without a proxy: by `NO_PROXY`, which they all read.

    Args:
        urls: those of them that lie on other loopback addresses, or in networks that are spared, are spared too.
    """
    known = getproxies_environment()
    listed = [host for each in known.get("no", "").split(",") if (host := each.strip())]
    if "*" in listed or not any(known.get(scheme) for scheme in _SCHEMES):
        return
    hosts = dict.fromkeys([*listed, *_LOOPBACK, *_direct_hosts(urls)])
    os.environ["NO_PROXY"] = ",".join(hosts)
    os.environ["no_proxy"] = ",".join(dict.fromkeys(host.strip("[]") for host in hosts if not _is_network_of_6(host)))


def direct_mounts(urls: Iterable[str]) -> Mapping[str, None]:
    """What has a client of httpx's reach loopback, and those of `urls` that are to be, without a proxy."""
    hosts = dict.fromkeys([*_LOOPBACK, *_direct_hosts(urls)])
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


def _direct_hosts(urls: Iterable[str]) -> Iterator[str]:
    networks = [*_networks()]
    for url in urls:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:  # whoever needs it says so
            continue
        if is_loopback(host) or any(_is_in(host, network) for network in networks):
            yield host


def _networks() -> Iterator[IPv4Network | IPv6Network]:
    """Those that either variable names."""
    for entry in ",".join(os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy")).split(","):
        if "/" in entry:
            with contextlib.suppress(ValueError):
                yield ip_network(entry.strip(), strict=False)


def _is_in(host: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False


def _is_network_of_6(entry: str) -> bool:
    return "/" in entry and ":" in entry and "://" not in entry


def _variable(scheme: str, written: str) -> str:
    """The variable's name as it is written: its case is anybody's choice, and the small one wins."""
    names = (name for name in sorted(os.environ, reverse=True) if name.lower() == f"{scheme}_proxy")
    return next((name for name in names if os.environ[name] == written), f"{scheme}_proxy".upper())
