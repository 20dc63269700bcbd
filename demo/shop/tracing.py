"""A small OTLP tracer: one server span for each request, in the W3C trace context of its caller."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import defaultdict
from contextvars import ContextVar

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

_FLUSH_S = 0.01
_MAX_WAITING = 10_000

current: ContextVar[Span | None] = ContextVar("current span", default=None)


def start_span(name: str, traceparent: str | None) -> Span:
    """A span that began now and is the current one; without a sound `traceparent` it begins a trace."""
    span = Span(name=name, kind=Span.SPAN_KIND_SERVER, span_id=os.urandom(8), start_time_unix_nano=time.time_ns())
    try:
        _version, trace_id, parent_id, _flags = (traceparent or "").split("-")
        span.trace_id, span.parent_span_id = bytes.fromhex(trace_id), bytes.fromhex(parent_id)
    except ValueError:
        span.trace_id, span.parent_span_id = os.urandom(16), b""
    current.set(span)
    return span


def traceparent() -> str | None:
    """What a call made now carries."""
    span = current.get()
    return None if span is None else f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"


def mark_error(message: str) -> None:
    """Mark the current span as failed."""
    span = current.get()
    if span is not None:
        span.status.code, span.status.message = Status.STATUS_CODE_ERROR, message


class Exporter:
    """Sends ended spans in batches, a few times in every hundred milliseconds; what cannot be sent is dropped.

    Args:
        endpoint: `http://HOST:PORT` of an OTLP/HTTP receiver.
    """

    def __init__(self, endpoint: str) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0))
        self._ended: list[tuple[str, Span]] = []
        self._flush: asyncio.Task[None] | None = None

    def end(self, service: str, span: Span, status: int) -> None:
        """Take a span in that ends now with this HTTP status."""
        span.end_time_unix_nano = time.time_ns()
        attribute = span.attributes.add(key="http.response.status_code")
        attribute.value.int_value = status
        if status >= 500:
            span.status.code = Status.STATUS_CODE_ERROR
        if len(self._ended) < _MAX_WAITING:
            self._ended.append((service, span))
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._send_soon())

    async def _send_soon(self) -> None:
        while self._ended:
            await asyncio.sleep(_FLUSH_S)
            ended, self._ended = self._ended, []
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                headers = {"Content-Type": "application/x-protobuf"}
                async with self._http.post(self._url, data=_request(ended), headers=headers) as answer:
                    await answer.read()

    async def close(self) -> None:
        """Close the connection; what was not sent is dropped."""
        if self._flush is not None:
            self._flush.cancel()
        await self._http.close()


def _request(ended: list[tuple[str, Span]]) -> bytes:
    by_service: dict[str, list[Span]] = defaultdict(list)
    for service, span in ended:
        by_service[service].append(span)
    request = ExportTraceServiceRequest()
    for service, spans in by_service.items():
        resource_spans = request.resource_spans.add()
        name = resource_spans.resource.attributes.add(key="service.name")
        name.value.string_value = service
        resource_spans.scope_spans.add().spans.extend(spans)
    return bytes(request.SerializeToString())
