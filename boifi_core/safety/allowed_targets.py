"""Where a session that others send us may reach: an allow-list of hosts and networks, checked after DNS."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from boifi_core.errors import InvalidInput
from boifi_core.wire.client import checked
from boifi_core.wire.endpoint import parse_http_url

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Iterable[str]]

LOOPBACK = ("127.0.0.0/8", "::1/128")

METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192")
)
"""Where clouds tell a machine its own credentials; most are link-local, some are not."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Rule:
    """One entry of the list: a network, or a host's name, `*.` before it for all below it; and a port, if given."""

    network: Network | None = None
    host: str | None = None
    port: int | None = None

    def covers(self, host: str, port: int) -> bool:
        """Whether it names this host and port."""
        if self.host is None or self.port not in (None, port):
            return False
        return host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host

    def holds(self, address: Address, port: int) -> bool:
        """Whether this address is in its network, and the port is one of those that it names."""
        return self.network is not None and self.port in (None, port) and address in self.network


def parse_rules(entries: Iterable[str]) -> tuple[Rule, ...]:
    """The list from its texts: `loopback`, `10.0.0.0/8`, `mesh.local`, `*.mesh.local`, each also with a port.

    An IPv6 address with a port stands in brackets: `[fd00::7]:8080`.

    Raises:
        InvalidInput: an entry is none of these.
    """
    rules: list[Rule] = []
    for entry in entries:
        rules += _rules_of(entry)
    return tuple(rules)


_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


def _rules_of(entry: str) -> list[Rule]:
    parts = _WITH_PORT.fullmatch(entry)
    host, port = entry, None
    if parts is not None:
        host, port = parts["v6"] or parts["plain"], None if parts["port"] is None else int(parts["port"])
    networks = LOOPBACK if host == "loopback" else (host,)
    try:
        rules = [Rule(network=ipaddress.ip_network(text), port=port) for text in networks]
    except ValueError:
        rules = [Rule(host=host.lower(), port=port)]
    is_name = rules[0].network is None
    if (port is not None and not 0 < port < 65536) or (is_name and not _is_name(host)):
        rule = "must be loopback, a host, an address or a network, each with :port or without ([address]:port for IPv6)"
        raise InvalidInput("allowed_targets", rule, entry)
    return rules


def _is_name(host: str) -> bool:
    labels = host.removeprefix("*.").split(".")
    is_sound = all(label and label.replace("-", "").replace("_", "").isalnum() for label in labels)
    return is_sound and host.isascii() and not labels[-1].isdigit()


def check_reach(urls: Iterable[tuple[str, str]], rules: Sequence[Rule], resolve: Resolve | None = None) -> None:
    """See that all of these, each with the field that names it, are on the list.

    Raises:
        InvalidInput: it is not, or its name does not resolve.
    """
    for field, url in urls:
        check_url(field, url, rules, resolve)


def check_url(field: str, url: str, rules: Sequence[Rule], resolve: Resolve | None = None) -> None:
    """See that a URL's host is on the list, whatever addresses its name has now.

    Raises:
        InvalidInput: it is not, or its name does not resolve.
    """
    parts = parse_http_url(url)
    host = (parts.hostname or "").lower().rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in (resolve or resolved)(host, port)]
    except (OSError, ValueError):  # UnicodeError, of names that are none, is a ValueError
        addresses = []
    if not addresses:
        raise InvalidInput(field, "must have a host whose name resolves", host)
    _check_addresses(field, host, port, addresses, rules)


def connecting_only_to(rules: Sequence[Rule]) -> AbstractContextManager[None]:
    """Within it, whatever opens connections has each of them looked at: a host, its port, the address it was made to.

    A name may have got another address since `check_url` looked. One that the list has not is as one that is refused.
    """

    def check(host: str, port: int, address: str) -> None:
        found = ipaddress.ip_address(address.partition("%")[0])
        _check_addresses("connection", host.lower().rstrip("."), port, [found], rules)

    return checked(check)


def _check_addresses(field: str, host: str, port: int, addresses: Sequence[Address], rules: Sequence[Rule]) -> None:
    never = next((address for address in addresses if is_never(address)), None)
    if never is not None:
        raise InvalidInput(field, "must not be a link-local, metadata, multicast or unspecified address", str(never))
    if any(rule.covers(host, port) for rule in rules):
        return
    if not all(any(rule.holds(_plain(address), port) for rule in rules) for address in addresses):
        raise InvalidInput(
            field, "must be one of the targets that this service allows (allowed_targets)", f"{host}:{port}"
        )


def resolved(host: str, port: int) -> list[str]:
    """All addresses of a host, as this machine resolves it."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_never(address: Address) -> bool:
    """Whether no list can allow this address."""
    plain = _plain(address)
    if plain in METADATA or plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return True
    return plain.version == 4 and plain.is_reserved  # of IPv6, loopback counts as reserved


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one only wraps."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
