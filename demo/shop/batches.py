"""How a service's SDK sends its spans: in batches on a clock of its own, as its batch processor does by default."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from types import MappingProxyType

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

MAX_QUEUE = 2_048
MAX_BATCH = 512

_SDK = MappingProxyType(
    {"telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.45.1"}
)
_SCOPE_VERSION = "0.66b1"
_SCHEMA = "https://opentelemetry.io/schemas/1.21.0"


class Batches:
    """The batch processor and OTLP exporter of one service.

    A worker sends a batch every `batch_s`, whatever has come, and at once when `MAX_BATCH` spans wait; beyond
    `MAX_QUEUE` spans are dropped, and so is what cannot be sent.

    Args:
        http: shared by all services.
        endpoint: `http://HOST:PORT` of an OTLP/HTTP receiver.
        service: the name that the spans are reported under.
        batch_s: from one batch to the next, seconds.
        first_s: until the first, seconds: processes do not start at the same moment.

    Source: OpenTelemetry Specification, "Tracing SDK", "Batching processor"; opentelemetry-sdk 1.45.1.
    """

    def __init__(
        self, http: aiohttp.ClientSession, endpoint: str, service: str, *, batch_s: float, first_s: float
    ) -> None:
        self._http = http
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._resource = {**_SDK, "service.instance.id": str(uuid.uuid4()), "service.name": service}
        self._batch_s = batch_s
        self._waiting: list[tuple[str, Span]] = []
        self._full = asyncio.Event()
        self._worker = asyncio.create_task(self._work(first_s))

    def add(self, scope: str, span: Span) -> None:
        """Take in a span that has ended, and the scope that made it."""
        if len(self._waiting) < MAX_QUEUE:
            self._waiting.append((scope, span))
        if len(self._waiting) >= MAX_BATCH:
            self._full.set()

    async def close(self) -> None:
        """Send what waits, as an SDK does when its process ends."""
        self._worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._worker
        while self._waiting:
            await self._send()

    async def _work(self, wait_s: float) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), wait_s)
            wait_s = self._batch_s
            # A whole batch while there is one; what is less only when its time has come.
            is_due = not self._full.is_set()
            while len(self._waiting) >= MAX_BATCH or (is_due and self._waiting):
                await self._send()
                is_due = False
            self._full.clear()

    async def _send(self) -> None:
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        headers = {"Content-Type": "application/x-protobuf"}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._http.post(self._url, data=self._request(batch), headers=headers) as answer:
                await answer.read()

    def _request(self, batch: list[tuple[str, Span]]) -> bytes:
        by_scope: dict[str, list[Span]] = defaultdict(list)
        for scope, span in batch:
            by_scope[scope].append(span)
        sent = ResourceSpans()
        for key, value in self._resource.items():
            sent.resource.attributes.add(key=key).value.string_value = value
        for scope, spans in by_scope.items():
            of_scope = sent.scope_spans.add(spans=spans, schema_url=_SCHEMA)
            of_scope.scope.name, of_scope.scope.version = scope, _SCOPE_VERSION
        return bytes(ExportTraceServiceRequest(resource_spans=[sent]).SerializeToString())
