"""Who in the embedded target reports spans, and as whom: five ways in which real meshes are traced."""

from __future__ import annotations

from enum import StrEnum


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


AT_ONCE_S, BATCH_S = 0.01, 1.0


def default_batch_s(tracing: Tracing, *, goes_elsewhere: bool) -> float:
    """How long who reports collects spans before it sends them, where nothing else is said; seconds.

    What the target observes by itself comes at once, and so do the spans of its own tracer. SDKs and Envoy wait 5 s if
    nobody tells them otherwise, by which a session of 100 trials would last a quarter of an hour.

    Args:
        goes_elsewhere: whether the spans go to somebody else than the target itself.
    """
    return BATCH_S if goes_elsewhere and tracing is not Tracing.OWN else AT_ONCE_S
