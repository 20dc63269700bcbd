"""Envoy's static configuration: a pure function of the shop's sockets, its links and how it is traced.

`entry` takes the shop's customers. Beside that, each service has the two listeners that its sidecar would have: its
calls leave by the outbound one, which keeps the links' time-outs and retries, and arrive at the inbound one of the
callee, where faults are injected; so time-outs and retries see them, as between two sidecars of a real mesh.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.mesh.routes import FAULT_TYPE, ROLL_HEADER, ROUTES, SLOTS, slot_name
from demo.mesh.spans import PORT, Side, direction, flushing, listener_tracing, outbound_cluster, route_tracing
from demo.tracing import Tracing

_TYPES = "type.googleapis.com/envoy"
_HCM = f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
}
_NO_LIMIT = 100_000


@dataclass(frozen=True)
class Link:
    """How one service calls another through the mesh.

    Each try is given up after `timeout_ms` with a 504, which is not tried again; a 503 is, until `tries` are spent.
    """

    caller: str
    callee: str
    timeout_ms: int
    tries: int = 1


@dataclass(frozen=True)
class Files:
    """The files of one Envoy, all in one folder; the sockets' paths must stay below the system's 100 characters."""

    folder: Path

    @property
    def bootstrap(self) -> Path:
        return self.folder / "envoy.json"

    @property
    def routes(self) -> Path:
        return self.folder / "routes.json"

    @property
    def admin(self) -> Path:
        return self.folder / "admin.sock"

    @property
    def log(self) -> Path:
        return self.folder / "envoy.log"

    def service(self, name: str) -> Path:
        """Where the service listens."""
        return self.folder / f"at-{name}.sock"

    def inbound(self, service: str) -> Path:
        """Where its proxy takes the calls of others."""
        return self.folder / f"in-{service}.sock"

    def outbound(self, service: str) -> Path:
        """Where its proxy takes its own calls."""
        return self.folder / f"out-{service}.sock"


@dataclass(frozen=True)
class Mesh:
    """What is between the services.

    Attributes:
        services: their names.
        links: every call that one service makes to another.
        entry: the service behind the shop's address.
        entry_port: of that address; 0 takes a free one.
        otlp_endpoint: where spans go, `http://HOST:PORT`.
        tracing: who reports them.
        batch_s: how long proxies collect them, seconds.
    """

    services: Collection[str]
    links: Sequence[Link]
    entry: str
    otlp_endpoint: str
    entry_port: int = 0
    tracing: Tracing = Tracing.OWN
    batch_s: float = 0.01


def bootstrap(files: Files, mesh: Mesh) -> dict[str, Any]:
    """The content of Envoy's configuration file; `files` are where the sockets and the watched route file are."""
    otlp = urlsplit(mesh.otlp_endpoint)
    clusters = [_cluster(name, _pipe(files.service(name))) for name in sorted(mesh.services)]
    clusters += [_cluster(outbound_cluster(name), _pipe(files.inbound(name))) for name in sorted(mesh.services)]
    collector = _cluster("otlp", _tcp(otlp.hostname or "127.0.0.1", otlp.port or 80))
    # By name or by address: it may be anybody's.
    clusters.append({**collector, "type": "STRICT_DNS"})
    callers = sorted({link.caller for link in mesh.links})
    return {
        "node": {"id": "boifi-demo", "cluster": "boifi-demo"},
        "admin": {"address": _pipe(files.admin)},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": flushing(mesh.tracing, mesh.batch_s)}]},
        "static_resources": {
            "listeners": [
                _listener(Side.ENTRY, mesh.entry, _tcp("127.0.0.1", mesh.entry_port), _with_faults(files), mesh),
                *(
                    _listener(Side.INBOUND, name, _pipe(files.inbound(name)), _with_faults(files), mesh)
                    for name in sorted(mesh.services)
                ),
                *(
                    _listener(Side.OUTBOUND, name, _pipe(files.outbound(name)), _outbound(name, mesh), mesh)
                    for name in callers
                ),
            ],
            "clusters": clusters,
        },
    }


def _tcp(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _pipe(path: Path) -> dict[str, Any]:
    return {"pipe": {"path": str(path)}}


def _cluster(name: str, address: dict[str, Any]) -> dict[str, Any]:
    limits = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {"thresholds": [dict.fromkeys(limits, _NO_LIMIT)]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _listener(side: Side, service: str, address: dict[str, Any], hcm: dict[str, Any], mesh: Mesh) -> dict[str, Any]:
    traced = listener_tracing(mesh.tracing, side, service, mesh.otlp_endpoint)
    manager = {"@type": _HCM, "stat_prefix": side.value, **hcm, **traced}
    return {
        "name": side.value if side is Side.ENTRY else f"{side}-{service}",
        "address": address,
        **direction(mesh.tracing, side),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _with_faults(files: Files) -> dict[str, Any]:
    source = {"resource_api_version": "V3", "path_config_source": {"path": str(files.routes)}}
    roll = {"key": ROLL_HEADER, "value": "%UNIQUE_ID%"}
    mutation = {
        "@type": f"{_TYPES}.extensions.filters.http.header_mutation.v3.HeaderMutation",
        "mutations": {
            "request_mutations": [{"append": {"header": roll, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]
        },
    }
    slots = [{"name": slot_name(slot), "typed_config": {"@type": FAULT_TYPE}} for slot in range(SLOTS)]
    return {
        "rds": {"route_config_name": ROUTES, "config_source": source},
        "http_filters": [{"name": "boifi.roll", "typed_config": mutation}, *slots, _ROUTER],
    }


def _outbound(caller: str, mesh: Mesh) -> dict[str, Any]:
    hosts = [
        {
            "name": link.callee,
            "domains": [link.callee, f"{link.callee}:{PORT}"],
            "routes": [{**_call(link), **route_tracing(mesh.tracing, link.callee)}],
        }
        for link in mesh.links
        if link.caller == caller
    ]
    return {"route_config": {"name": f"outbound-{caller}", "virtual_hosts": hosts}, "http_filters": [_ROUTER]}


def _call(link: Link) -> dict[str, Any]:
    route: dict[str, Any] = {"cluster": outbound_cluster(link.callee), "timeout": f"{link.timeout_ms / 1000:.3f}s"}
    if link.tries > 1:
        route["timeout"] = "0s"  # the limit is each try's own
        route["retry_policy"] = {
            "retry_on": "retriable-status-codes",
            "retriable_status_codes": [503],
            "num_retries": link.tries - 1,
            "per_try_timeout": f"{link.timeout_ms / 1000:.3f}s",
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"},
        }
    return {"match": {"prefix": "/"}, "route": route}
