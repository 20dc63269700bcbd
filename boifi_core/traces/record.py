"""A span as its format tells it, before it is put among the others of its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from boifi_core.traces import fields
from boifi_core.traces.names import without_ids

ATTRIBUTES = frozenset(
    {
        "error",
        "http.method",
        "http.response.status_code",
        "http.status_code",
        "http.url",
        "otel.status_code",
        "response_flags",
        "span.kind",
        "upstream_cluster",
        "upstream_cluster.name",
    }
)
"""The attributes (tags) that are read; readers may leave out the others."""

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""OpenTelemetry's span kinds, each at its number."""


@dataclass(slots=True)
class Record:
    """One span, whatever its format calls the fields; times are nanoseconds, ids text that is alike for the same id."""

    trace_id: str | None
    id: str | None
    parent_id: str | None
    service: str | None
    operation: str
    kind: str = KINDS[0]
    start_ns: int | None = None
    duration_ns: int | None = None
    failed: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status_code(self) -> int | None:
        """HTTP's, by either of OpenTelemetry's names for it."""
        code = fields.status_code(self.attributes.get("http.status_code"))
        return fields.status_code(self.attributes.get("http.response.status_code")) if code is None else code

    @property
    def is_error(self) -> bool:
        """By its status, its HTTP status, or the tag `error`."""
        return (
            self.failed
            or (self.status_code or 0) >= 500
            or str(self.attributes.get("error", "")).lower() == "true"
            or self.attributes.get("otel.status_code") == "ERROR"
        )

    @property
    def flags(self) -> str | None:
        """Envoy's response flags; `-` is what it writes where there are none."""
        flags = fields.text(self.attributes.get("response_flags"))
        return None if flags == "-" else flags

    @property
    def name(self) -> str:
        """`service:operation`, without ids.

        Envoy calls all its spans `ingress`, so its operation is method, peer and path.
        """
        operation = self.operation
        if operation in ("ingress", "egress"):
            peer = self.attributes.get("upstream_cluster", self.attributes.get("upstream_cluster.name", ""))
            path = _path(fields.text(self.attributes.get("http.url")) or "")
            method = self.attributes.get("http.method", "")
            operation = f"{method} {'' if peer == '-' else peer}{path}".strip() or operation
        operation = without_ids(fields.text(operation) or "")
        return f"{self.service}:{operation}" if self.service else operation


def named_kind(value: Any) -> str:
    """The kind that a text names in any case; what is none of them is unspecified."""
    name = (fields.text(value) or "").lower()
    return name if name in KINDS else KINDS[0]


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
