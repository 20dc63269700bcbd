"""The shop's customers: a fixed mix of requests, and one measuring window of them whenever somebody asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from boifi_core.models import RawObservation
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig, RequestConfig
from demo.faults import Faults

COUNT = 40
CONCURRENCY = 7
TIMEOUT_S = 0.4
_WINDOW_S = 10.0


def requests(shop: str) -> tuple[RequestConfig, ...]:
    """What customers do, by how often."""
    order = {"cart": 17, "item": 42, "count": 1}
    return (
        RequestConfig(name="home", url=f"{shop}/", weight=7),
        RequestConfig(name="product", url=f"{shop}/product/42", weight=7),
        RequestConfig(name="cart", method="POST", url=f"{shop}/cart", body=order, weight=3),
        RequestConfig(name="checkout", method="POST", url=f"{shop}/checkout", body=order, weight=3),
    )


def probe_config(shop: str) -> ProbeConfig:
    """One window of the mix."""
    return ProbeConfig(requests=requests(shop), count=COUNT, concurrency=CONCURRENCY, timeout_s=TIMEOUT_S)


@dataclass(frozen=True)
class _Window:
    began_at: datetime
    observation: asyncio.Task[RawObservation]


class Windows:
    """Measuring windows on demand; askers at the same time share one, unless the faults changed after it began."""

    def __init__(self, probe: Probe, faults: Faults) -> None:
        self._probe = probe
        self._faults = faults
        self._running: _Window | None = None

    async def latest(self) -> RawObservation:
        """One observation of a window under the faults now in force.

        Raises:
            ExecutorTimedOut: no request was done in time.
        """
        while True:
            running = self._running
            if running is None or running.observation.done():
                task = asyncio.create_task(self._drive())
                running = self._running = _Window(datetime.now(UTC), task)
            if running.began_at >= self._faults.changed_at:
                return await asyncio.shield(running.observation)
            await asyncio.wait([running.observation])

    async def _drive(self) -> RawObservation:
        newer_than = self._faults.changed_at
        return await asyncio.to_thread(self._probe.observe, newer_than=newer_than, timeout_s=_WINDOW_S)
