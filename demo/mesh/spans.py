"""What of Envoy's configuration makes its proxies report spans, by how the target is traced.

One Envoy plays every proxy of the mesh, while in a real one each service has its own. So what an Envoy of its own would
know by itself (its node, the names of its clusters) is given here by custom tags, which replace Envoy's.

Source: Envoy, "Tracing" and `config.trace.v3.OpenTelemetryConfig`; Istio, "OpenTelemetry" (its example's output) and
the custom tags that istiod gives its proxies.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from demo.tracing import Tracing

PORT = 8080
"""What every service listens on, as far as names go: the sockets behind them have none."""

_TYPES = "type.googleapis.com/envoy"
_NAMESPACE = "shop"


class Side(StrEnum):
    """Where a proxy stands: before everything, before its service, or between its service and the others."""

    ENTRY = "entry"
    INBOUND = "inbound"
    OUTBOUND = "outbound"


def outbound_cluster(service: str) -> str:
    """What callers' proxies call the service, as Istio does."""
    return f"outbound|{PORT}||{service}.{_NAMESPACE}.svc.cluster.local"


def listener_tracing(tracing: Tracing, side: Side, service: str, otlp_endpoint: str) -> dict[str, Any]:
    """The key `tracing` of a listener's HTTP connection manager; empty where it makes no spans.

    Args:
        service: whose proxy it is.
        otlp_endpoint: where spans go.
    """
    by_inbound_alone = tracing is Tracing.OWN and side is not Side.OUTBOUND
    if not by_inbound_alone and tracing not in (Tracing.SIDECAR, Tracing.ONE):
        return {}
    config = {
        "@type": f"{_TYPES}.config.trace.v3.OpenTelemetryConfig",
        "service_name": f"{service}.{_NAMESPACE}" if tracing is Tracing.SIDECAR else "envoy",
        "http_service": {
            "http_uri": {"uri": f"{otlp_endpoint.rstrip('/')}/v1/traces", "cluster": "otlp", "timeout": "1s"}
        },
    }
    traced = {
        "random_sampling": {"value": 100},
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": config},
    }
    tags = _tags(tracing, side, service)
    return {"tracing": {**traced, "custom_tags": _literals(tags)} if tags else traced}


def route_tracing(tracing: Tracing, callee: str) -> dict[str, Any]:
    """The key `tracing` of a caller's route: without Istio the callee's cluster has its plain name."""
    if tracing is not Tracing.ONE:
        return {}
    all_of_it = {"numerator": 100}
    sampled = dict.fromkeys(("client_sampling", "random_sampling", "overall_sampling"), all_of_it)
    return {"tracing": {**sampled, "custom_tags": _literals(_cluster(callee))}}


def direction(tracing: Tracing, side: Side) -> dict[str, str]:
    """The key `traffic_direction` of a listener: it makes the names `ingress` and `egress HOST:PORT`.

    Only Istio's listeners have it; without it every span is `ingress`, that of a server.
    """
    if tracing is not Tracing.SIDECAR:
        return {}
    return {"traffic_direction": "OUTBOUND" if side is Side.OUTBOUND else "INBOUND"}


def flushing(tracing: Tracing, batch_s: float) -> dict[str, int]:
    """Runtime values: when Envoy sends its spans. By itself it does every 5 s, and whenever it has five of them."""
    interval = {"tracing.opentelemetry.flush_interval_ms": max(1, round(batch_s * 1000))}
    return interval | ({"tracing.opentelemetry.min_flush_spans": 64} if tracing is Tracing.OWN else {})


def _tags(tracing: Tracing, side: Side, service: str) -> dict[str, str]:
    if tracing is Tracing.SIDECAR:
        here = {} if side is Side.OUTBOUND else _cluster(f"inbound|{PORT}||")
        return {**_istio(service), **here}
    return _cluster("local_service") if tracing is Tracing.ONE and side is Side.INBOUND else {}


def _cluster(name: str) -> dict[str, str]:
    return {"upstream_cluster": name, "upstream_cluster.name": name}


def _istio(service: str) -> dict[str, str]:
    """What Istio's proxies say of themselves; pod and address are made up, and the same each time."""
    number = zlib.crc32(service.encode())
    pod = f"{service}-v1-{number:08x}-{number % 46_656:05x}.{_NAMESPACE}"
    return {
        "node_id": f"sidecar~10.244.0.{number % 250 + 2}~{pod}~{_NAMESPACE}.svc.cluster.local",
        "istio.canonical_revision": "v1",
        "istio.canonical_service": service,
        "istio.cluster_id": "Kubernetes",
        "istio.mesh_id": "cluster.local",
        "istio.namespace": _NAMESPACE,
    }


def _literals(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"tag": name, "literal": {"value": value}} for name, value in tags.items()]
