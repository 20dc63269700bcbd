"""What a small book page does under faults, computed: the same faults always give the same observation.

The page calls details and reviews, and reviews calls ratings. Its weaknesses, each with the fault that shows it:

- reviews gives ratings 2.5 s and tries twice; both time-outs are swallowed: slow, an ERROR in the log, still 200;
- the whole page is given up after 6 s: 504 once two tries together are longer, that is never by ratings alone, but by
  a delay of reviews or details above 6 s, and by delays of 1 s and more on details together with a ratings time-out;
- an abort of reviews with 500 is not handled: the page is 500; 503 and 429 are: a page without reviews;
- an abort of details with 429 is retried at once, four times over: a storm of spans and half a second.

A share of requests below one half leaves the most frequent status at 200, and below 5 % the 95th percentile alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hfi_policy import Fault

_OWN_MS = {"details": 8.0, "reviews": 20.0, "ratings": 6.0}
_PATHS = {"details": "/details/0", "reviews": "/reviews/0", "ratings": "/ratings/0"}
_RATINGS_TIMEOUT_MS = 2500.0
_PAGE_TIMEOUT_MS = 6000.0
_PAGE_MS = 30.0


@dataclass
class _Call:
    """One request through the page, all the faults in `hits` striking it."""

    hits: Sequence[Fault]
    spans: list[dict[str, Any]] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    status: int = 200

    def of(self, service: str) -> tuple[float, int]:
        """Latency and status of the service's own answer."""
        struck = [fault for fault in self.hits if fault.hits("GET", _PATHS[service], service)]
        delay_ms = sum(fault.delay_ms or 0 for fault in struck)
        status = next((fault.abort_status for fault in struck if fault.abort_status is not None), 200)
        return delay_ms + (_OWN_MS[service] if status == 200 else 0.5), status

    def span(self, name: str, duration_ms: float, status: int = 200) -> None:
        self.spans.append(
            {
                "id": f"{len(self.spans) + 1:04}",
                "name": name,
                "duration_ms": round(duration_ms, 3),
                "status": "error" if status >= 500 else "success",
            }
        )

    def run(self) -> float:
        self.span("page:GET /page", 0.0)
        latency_ms = _PAGE_MS + self._details() + self._reviews()
        if latency_ms > _PAGE_TIMEOUT_MS:
            latency_ms, self.status = _PAGE_TIMEOUT_MS, 504
            self.logs.append("ERROR page: given up after 6 s")
        self.spans[0]["duration_ms"] = round(latency_ms, 3)
        self.spans[0]["status"] = "error" if self.status >= 500 else "success"
        return latency_ms

    def _details(self) -> float:
        latency_ms, status = self.of("details")
        tries = 5 if status == 429 else 1
        for _ in range(tries):
            self.span("details:GET /details/{id}", latency_ms, status)
        if status != 200:
            self.logs.append(f"WARN page: no details ({status})")
        return latency_ms + (500.0 if status == 429 else 0.0)

    def _reviews(self) -> float:
        latency_ms, status = self.of("reviews")
        self.span("reviews:GET /reviews/{id}", latency_ms, status)
        if status == 200:
            return latency_ms + self._ratings()
        if status == 500:
            self.status = 500
            self.logs.append("ERROR page: unhandled answer of reviews")
        return latency_ms

    def _ratings(self) -> float:
        latency_ms, status = self.of("ratings")
        if latency_ms <= _RATINGS_TIMEOUT_MS:
            self.span("ratings:GET /ratings/{id}", latency_ms, status)
            return latency_ms
        for _ in range(2):
            self.span("ratings:GET /ratings/{id}", _RATINGS_TIMEOUT_MS, 504)
        self.logs.append("ERROR reviews: ratings timed out twice")
        return 2 * _RATINGS_TIMEOUT_MS


def landscape(faults: Sequence[Fault]) -> dict[str, Any]:
    """The observation of a window under these faults, without its timestamp."""
    struck, sound = _Call([fault for fault in faults if fault.percentage > 0]), _Call([])
    struck_ms, sound_ms = struck.run(), sound.run()
    share = max((fault.percentage for fault in faults), default=0) / 100
    typical = struck if share > 0.5 else sound
    return {
        "status_code": typical.status,
        "latency_ms": struck_ms if share >= 0.05 else sound_ms,
        "error_rate": share if struck.status >= 400 else 0.0,
        "logs": struck.logs,
        "trace_data": json.dumps({"spans": typical.spans}),
    }
