"""Observations and traces to score."""

import json
from datetime import UTC, datetime
from typing import Any

from boifi_core.models import RawObservation

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def observed(**fields: Any) -> RawObservation:
    """A healthy observation, but for `fields`."""
    healthy = {"status_code": 200, "latency_ms": 50.0, "error_rate": 0.0, "timestamp": NOON}
    return RawObservation(**(healthy | fields))


def span(id_: str, name: str, parent: str | None = None, ms: float = 10.0, **fields: Any) -> dict[str, Any]:
    """One span of a trace as the wire has it."""
    return {"id": id_, "name": name, "parent_id": parent, "duration_ms": ms, "status": "success", **fields}


def trace(*spans: dict[str, Any]) -> str:
    """The text of a trace."""
    return json.dumps({"spans": list(spans)})
