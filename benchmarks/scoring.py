"""What a score costs, by the number of spans."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.table import Table, spread
from boifi_core.analyzer import AnalyzerService
from boifi_core.analyzer.normal import Normal
from boifi_core.models import RawObservation

AIMS_MS = {10: 5.0, 100: 5.0, 10_000: 100.0}
"""By the number of spans."""

_CHILDREN = 3
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def measure(spans: Sequence[int] = (10, 100, 1000, 10_000), repeats: int = 200) -> list[Table]:
    """One row for each number of spans."""
    rows = []
    for n in spans:
        aim = AIMS_MS.get(n)
        rows.append((str(n), spread(_times_ms(n, repeats), aim), "" if aim is None else f"< {aim:g}"))
    return [Table("Score of one observation, ms: median / p95", ("spans", "calculate_severity", "aim"), tuple(rows))]


def _times_ms(spans: int, repeats: int) -> list[float]:
    analyzer = AnalyzerService()
    baseline = Normal((_observed(spans, fault=False),))  # as a session has it: read once
    observation = _observed(spans, fault=True)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        analyzer.calculate_severity(observation, baseline)
        times.append((time.perf_counter() - started) * 1000)
    return times


def _observed(spans: int, *, fault: bool) -> RawObservation:
    trace = json.dumps({"spans": [_span(index, fault) for index in range(spans)]})
    return RawObservation(
        status_code=503 if fault else 200,
        latency_ms=900 if fault else 50,
        error_rate=0.3 if fault else 0,
        logs=("ERROR page: given up",) if fault else (),
        trace_data=trace,
        timestamp=_NOW,
    )


def _span(index: int, fault: bool) -> dict[str, Any]:
    """Of a tree; under a fault each fifth calls something else, fails, and takes long."""
    struck = fault and index % 5 == 4
    return {
        "id": f"{index:016x}",
        "parent_id": f"{(index - 1) // _CHILDREN:016x}" if index else None,
        "service": f"service-{index % 11}",
        "name": f"{'fallback' if struck else 'GET'} /{index % 17}",
        "duration_ms": 300.0 if struck else 1.0 + index % 7,
        "status": "error" if struck else "success",
    }
