"""Whom a span says it talks with: `reviews`, `orders-db:5432`, `kafka`; a name rather than an address.

Sources: OpenTelemetry's semantic conventions 1.4 to 1.37 ("Server, client and shared network attributes", "Peer
service", "AWS SDK"), OpenTracing's "Semantic conventions" (`peer.*`), Envoy's "Tracing" (`upstream_cluster`), Istio's
cluster names (`outbound|PORT|SUBSET|HOST`), Linkerd's and Dapr's spans.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from boifi_core.traces import fields
from boifi_core.traces.asked import first

_SERVICE = ("peer.service", "service.peer.name", "faas.invoked_name")
_CLUSTER = ("upstream_cluster.name", "upstream_cluster")
_NAMED = ("server.address", "net.peer.name", "net.sock.peer.name", "peer.hostname", "http.host", "http.authority")
_PORTS = ("server.port", "net.peer.port", "peer.port")
_URLS = ("url.full", "http.url", "http.uri", "url", "peer.address")
_SYSTEM = ("db.system.name", "db.system", "db.type", "messaging.system")
_ADDRESSED = ("network.peer.address", "net.sock.peer.addr", "net.peer.ip", "peer.ipv4", "peer.ipv6")
_ADDRESSED_PORTS = ("network.peer.port", "net.sock.peer.port", *_PORTS)
_AWS = ("rpc.system.name", "rpc.system")
_PROXYS = frozenset(("response_flags", *_CLUSTER, "guid:x-request-id", "node_id"))
_OF_A_PROXY = ("component", "direction", "istio.canonical_service")

SAID = frozenset((*_SERVICE, *_SYSTEM))
"""The attributes that no span has but of what it asks of others."""

ATTRIBUTES = frozenset(
    [
        *(*_SERVICE, *_CLUSTER, *_NAMED, *_PORTS, *_URLS, *_SYSTEM, *_ADDRESSED, *_ADDRESSED_PORTS, *_AWS),
        *(*_PROXYS, *_OF_A_PROXY, "rpc.service"),
    ]
)
"""The attributes that are read here."""

_DEFAULT_PORTS = frozenset(("80", "443"))
_NO_CLUSTER = re.compile(
    r"-|inbound.*|Inbound.*|PassthroughCluster|BlackHoleCluster|original_dst|cds_ingress.*|"
    r"(?:local|self|app)(?:[-_]?(?:service|app|cluster|host))?",
)
"""Clusters of Envoy that name nobody: those of the service that it stands before, and those that stand for any."""

_ALL_PROXIES = re.compile(r"(?:unknown_service:?)?(?:envoy|proxy|istio-proxy|linkerd-proxy)?")
"""What tracers of proxies go by where nobody has told them for whom they stand."""

_KUBERNETES = re.compile(r"([\w-]+)\.([\w-]+)\.svc(?:\.[\w.-]+)?")
_CONSUL = re.compile(r"([\w-]+)\.[\w.-]+\.(?:internal|external)\.[\w-]+\.consul")
_CONTOUR = re.compile(r"[\w-]+/([\w-]+)/(\d+)/\w+")
_NAMED_IN_ENVOYS = re.compile(r"(?:router|async) (.+) egress|egress (\S+)")


def is_proxy(attributes: Mapping[str, Any]) -> bool:
    """Whether the span is one of Envoy's or Linkerd's, which pass on what others ask."""
    if not _PROXYS.isdisjoint(attributes):
        return True
    return attributes.get("component") == "proxy" or attributes.get("direction") in ("inbound", "outbound")


def peer(attributes: Mapping[str, Any], name: str) -> str | None:
    """Whom a span that sends or passes on talks with; `HOST:PORT` where the port is not HTTP's, None where unknown."""
    if ATTRIBUTES.isdisjoint(attributes):
        return _cluster(attributes, name)
    return (
        _told(attributes)
        or _cluster(attributes, name)
        or _host(attributes)
        or first(attributes, _SYSTEM)
        or _address(attributes)
    )


def is_address(host: str | None) -> bool:
    """Whether it is an IP address or the machine itself, with or without a port, and so names no service."""
    return host is None or _address_in(host) is not None


def host_and_port(peer: str) -> tuple[str, str]:
    """The two parts of a peer; the port is empty where none is said."""
    host, port = _split(peer)
    return host, port or ""


@lru_cache(maxsize=4096)
def is_service(one: str, other: str) -> bool:
    """Whether both are names of one service: `reviews`, `reviews:9080`, and `reviews.shop` with its namespace."""
    a, b = (plain_host(host_and_port(name)[0]) for name in (one, other))
    return a == b or a.startswith(f"{b}.") or b.startswith(f"{a}.")


def is_inbound(attributes: Mapping[str, Any], service: str | None) -> bool:
    """Whether a proxy's span tells of what came to the service that it goes by, so that it names no other."""
    if service is None or _ALL_PROXIES.fullmatch(service):
        return False
    return (
        attributes.get("direction") == "inbound" or _NO_CLUSTER.fullmatch(first(attributes, _CLUSTER) or "") is not None
    )


def is_loopback(host: str) -> bool:
    """Whether it is the machine itself."""
    address = _address_in(host)
    return address is not None and ipaddress.ip_address(address).is_loopback


@lru_cache(maxsize=4096)
def _address_in(host: str) -> str | None:
    plain = host[1:].partition("]")[0] if host.startswith("[") else host
    plain = plain.rpartition(":")[0] if plain.count(":") == 1 else plain
    if plain == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(plain))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def plain_host(host: str) -> str:
    """A host as its service is called: `reviews` for `reviews.default.svc.cluster.local`."""
    kubernetes = _KUBERNETES.fullmatch(host)
    if kubernetes:
        return kubernetes[1] if kubernetes[2] == "default" else f"{kubernetes[1]}.{kubernetes[2]}"
    consul = _CONSUL.fullmatch(host)
    return consul[1] if consul else host.rstrip(".")


def _told(attributes: Mapping[str, Any]) -> str | None:
    found = first(attributes, _SERVICE)
    if found is None and first(attributes, _AWS) in ("aws-api", "aws.api"):
        found = first(attributes, ("rpc.service",))
    return found


def _cluster(attributes: Mapping[str, Any], name: str) -> str | None:
    found = first(attributes, _CLUSTER) or ""
    if not found or _NO_CLUSTER.fullmatch(found):
        if not is_proxy(attributes):
            return None
        named = _NAMED_IN_ENVOYS.fullmatch(name)
        found = (named[1] or named[2]) if named else ""
        return _joined(*_split(found)) if found and not _NO_CLUSTER.fullmatch(found) else None
    separator = "|" if "|" in found else "_." if found.startswith("outbound_.") else None
    if separator:
        parts = [part.strip("._") for part in found.split(separator)]
        return _joined(parts[-1], parts[1]) if len(parts) == 4 and parts[-1] else None
    contour = _CONTOUR.fullmatch(found)
    return _joined(contour[1], contour[2]) if contour else plain_host(found)


def _host(attributes: Mapping[str, Any]) -> str | None:
    """The host that was asked: by its name, else as the URL has it, if that is no address of a database."""
    found = first(attributes, _NAMED)
    host, port = _split(found) if found else ("", None)
    port = port or first(attributes, _PORTS)
    if is_address(host or None):
        in_url, port_in_url = _of_url(attributes)
        if (in_url and not is_address(in_url)) or not host:
            host, port = in_url, port_in_url or port
    if not host or (is_address(host) and first(attributes, _SYSTEM)):
        return None
    return _joined(host, port)


def _of_url(attributes: Mapping[str, Any]) -> tuple[str, str | None]:
    for name in _URLS:
        url = attributes.get(name)
        if isinstance(url, str) and "//" in url:
            host = url.partition("//")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
            return _split(host)
    return "", None


def _address(attributes: Mapping[str, Any]) -> str | None:
    found = first(attributes, _ADDRESSED)
    if found is not None:
        return _joined(found, first(attributes, _ADDRESSED_PORTS))
    found = first(attributes, ("peer.address",))
    return _joined(*_split(found)) if found is not None and "/" not in found else None


def _split(found: str) -> tuple[str, str | None]:
    host, _, port = found.rpartition(":")
    if host and port.isdecimal() and (":" not in host or host.startswith("[")):
        return host, port
    return found, None


def _joined(host: str, port: str | None) -> str | None:
    host = plain_host(host.lower())
    if not port or port in _DEFAULT_PORTS:
        return fields.text(host)
    return fields.text(f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}")
