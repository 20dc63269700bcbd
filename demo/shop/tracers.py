"""The tracers of all services, by how the target is traced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial

import aiohttp

from demo.shop.batches import Batches
from demo.shop.otel_spans import OtelTracer
from demo.shop.own_spans import Exporter, OwnTracer
from demo.shop.tracing import PassesOn, Tracer
from demo.tracing import Tracing

Tracers = AbstractAsyncContextManager[Callable[[str], Tracer]]
"""While it is entered: the tracer of each service, by its name."""


def tracers_for(tracing: Tracing, endpoint: str, batch_s: float) -> Tracers:
    """How the services are traced, and where their spans go."""
    if tracing is Tracing.OWN:
        return _own(endpoint, batch_s)
    return _otel(endpoint, batch_s) if tracing is Tracing.OTEL else nullcontext(lambda _name: PassesOn())


@asynccontextmanager
async def _own(endpoint: str, batch_s: float) -> AsyncIterator[Callable[[str], Tracer]]:
    exporter = Exporter(endpoint, batch_s)
    yield partial(OwnTracer, exporter=exporter)
    await exporter.close()


@asynccontextmanager
async def _otel(endpoint: str, batch_s: float) -> AsyncIterator[Callable[[str], Tracer]]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as http:
        all_batches: list[Batches] = []

        def tracer_of(service: str) -> Tracer:
            first_s = batch_s * (0.618 * len(all_batches) % 1)
            batches = Batches(http, endpoint, service, batch_s=batch_s, first_s=first_s)
            all_batches.append(batches)
            return OtelTracer(batches.add)

        yield tracer_of
        await asyncio.gather(*(batches.close() for batches in all_batches))
