"""Tells the requests of web pages from those of programs.

A browser names the page's origin in whatever it sends for a script or a form, and where the page lies in all else. A
page that had its own host name point at this machine afterwards (DNS rebinding) is known by that name in `Host`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

_NOBODYS = (".localhost", ".internal", ".svc", ".cluster.local")
"""How names end that nobody can register, and so have point here."""


def host_of(header: str) -> str:
    """The host of a Host header, without its port, in lower case."""
    host = header[: header.index("]") + 1] if header.startswith("[") and "]" in header else header.partition(":")[0]
    return host.lower()


def is_loopback(host: str) -> bool:
    """Whether this address, or `localhost`, is only reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def can_be_a_pages(host: str) -> bool:
    """Whether a web page may be known by this host: neither an address nor a name within somebody's own network."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "." in host.strip(".") and not host.endswith(_NOBODYS)
    return False


def follows_a_link(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a person goes to a page of ours: the page that the link was on sees nothing of it."""
    is_page = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return is_page and method in ("GET", "HEAD")


def is_from_elsewhere(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin had the browser send this, other than by a link; of browsers that say so."""
    return headers.get("sec-fetch-site") in ("cross-site", "same-site") and not follows_a_link(method, headers)


def objection(headers: Mapping[str, str], *, any_host: bool = False) -> str | None:
    """Why a port that is for programs alone does not serve this request; None where it does.

    Args:
        headers: by lower-case name, or by names whose case does not matter.
        any_host: it may be known by names that pages can have too.
    """
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "web pages are not served"
    host = host_of(headers.get("host", ""))
    if not any_host and can_be_a_pages(host):
        return f"Host must be an address, or a name that no web page can have, got {host[:100]}"
    return None
