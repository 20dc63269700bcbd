"""Who in the embedded target reports spans, and as whom: five ways in which real meshes are traced."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Tracing(StrEnum):
    """How the embedded target is traced.

    `own`: the services by a small tracer of their own, one server span a request, and the mesh between them as one
    service `envoy`. `otel`: the services as OpenTelemetry's SDK with its instrumentation makes spans by default, a
    client's and a server's for each call; the mesh reports nothing. `sidecar`: the proxies alone, two for each call,
    each as the service that it stands beside; the services pass headers on. `one`: the same, but every proxy reports as
    `envoy`. `none`: nobody reports anything.
    """

    OWN = "own"
    OTEL = "otel"
    SIDECAR = "sidecar"
    ONE = "one"
    NONE = "none"


BATCH_S: Mapping[Tracing, float] = MappingProxyType(
    {
        Tracing.OWN: 0.01,
        Tracing.OTEL: 1.0,
        Tracing.SIDECAR: 1.0,
        Tracing.ONE: 1.0,
        Tracing.NONE: 0.0,
    }
)
"""How long who reports collects spans before it sends them, where nothing else is said; seconds.

SDKs and Envoy themselves wait 5 s, which would make a session of 100 trials last a quarter of an hour.
"""
