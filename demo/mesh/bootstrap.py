"""Envoy's static configuration: a pure function of the shop's sockets and its links.

Three listeners. `entry` takes the shop's customers. `outbound` is every caller's own sidecar: there the links'
time-outs and retries are kept. It passes on to `inbound`, the callee's sidecar, where faults are injected; so time-outs
and retries see them, as between two sidecars of a real mesh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.mesh.routes import FAULT_TYPE, ROLL_HEADER, ROUTES, SLOTS, slot_name

SOURCE_HEADER = "x-boifi-source"
"""Names the caller, for the outbound listener to choose the link by."""

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
    def outbound(self) -> Path:
        return self.folder / "out.sock"

    @property
    def inbound(self) -> Path:
        return self.folder / "in.sock"

    @property
    def admin(self) -> Path:
        return self.folder / "admin.sock"

    @property
    def log(self) -> Path:
        return self.folder / "envoy.log"


def bootstrap(files: Files, services: Mapping[str, str], links: Sequence[Link], otlp_endpoint: str) -> dict[str, Any]:
    """The content of Envoy's configuration file.

    Args:
        files: where the sockets and the watched route file are.
        services: name to socket.
        links: every call that one service makes to another.
        otlp_endpoint: where spans go, `http://HOST:PORT`.
    """
    otlp = urlsplit(otlp_endpoint)
    clusters = [_cluster(name, _pipe(Path(socket))) for name, socket in sorted(services.items())]
    clusters.append(_cluster("inbound", _pipe(files.inbound)))
    clusters.append(_cluster("otlp", _tcp(otlp.hostname or "127.0.0.1", otlp.port or 80)))
    return {
        "node": {"id": "boifi-demo", "cluster": "boifi-demo"},
        "admin": {"address": _pipe(files.admin)},
        "layered_runtime": {
            "layers": [
                {
                    "name": "static",
                    # Spans at once: the defaults hold a whole trace back for five seconds.
                    "static_layer": {
                        "tracing.opentelemetry.flush_interval_ms": 10,
                        "tracing.opentelemetry.min_flush_spans": 64,
                    },
                }
            ]
        },
        "static_resources": {
            "listeners": [
                _listener("entry", _tcp("127.0.0.1", 0), _with_faults("entry", files, otlp_endpoint)),
                _listener("inbound", _pipe(files.inbound), _with_faults("inbound", files, otlp_endpoint)),
                _listener("outbound", _pipe(files.outbound), _outbound(links)),
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


def _listener(name: str, address: dict[str, Any], hcm: dict[str, Any]) -> dict[str, Any]:
    chain = {"filters": [{"name": "http", "typed_config": {"@type": _HCM, "stat_prefix": name, **hcm}}]}
    return {"name": name, "address": address, "filter_chains": [chain]}


def _with_faults(name: str, files: Files, otlp_endpoint: str) -> dict[str, Any]:
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
        "tracing": _tracing(otlp_endpoint),
    }


def _tracing(otlp_endpoint: str) -> dict[str, Any]:
    uri = {"uri": f"{otlp_endpoint.rstrip('/')}/v1/traces", "cluster": "otlp", "timeout": "1s"}
    config = {
        "@type": f"{_TYPES}.config.trace.v3.OpenTelemetryConfig",
        "service_name": "envoy",
        "http_service": {"http_uri": uri},
    }
    return {
        "random_sampling": {"value": 100},
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": config},
    }


def _outbound(links: Sequence[Link]) -> dict[str, Any]:
    callees = sorted({link.callee for link in links})
    hosts = [
        {"name": callee, "domains": [callee], "routes": [_call(link) for link in links if link.callee == callee]}
        for callee in callees
    ]
    return {"route_config": {"name": "outbound", "virtual_hosts": hosts}, "http_filters": [_ROUTER]}


def _call(link: Link) -> dict[str, Any]:
    source = {"name": SOURCE_HEADER, "string_match": {"exact": link.caller}}
    route: dict[str, Any] = {"cluster": "inbound", "timeout": f"{link.timeout_ms / 1000:.3f}s"}
    if link.tries > 1:
        route["timeout"] = "0s"  # the limit is each try's own
        route["retry_policy"] = {
            "retry_on": "retriable-status-codes",
            "retriable_status_codes": [503],
            "num_retries": link.tries - 1,
            "per_try_timeout": f"{link.timeout_ms / 1000:.3f}s",
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"},
        }
    return {"match": {"prefix": "/", "headers": [source]}, "route": route}
