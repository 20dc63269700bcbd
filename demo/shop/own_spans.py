"""A small OTLP tracer: one server span for each request, in the W3C trace context of its caller."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar

import aiohttp
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from demo.shop.tracing import Exchange, trace_context

_MAX_WAITING = 10_000

_current: ContextVar[Span | None] = ContextVar("current span", default=None)


def mark_error(message: str) -> None:
    """Mark the current span as failed, if this tracer made it."""
    span = _current.get()
    if span is not None:
        span.status.code, span.status.message = Status.STATUS_CODE_ERROR, message


class OwnTracer:
    """`Tracer` with a server span for each request and none for calls."""

    def __init__(self, service: str, exporter: Exporter) -> None:
        self._service = service
        self._exporter = exporter

    @contextlib.contextmanager
    def serving(self, request: web.Request) -> Iterator[Exchange]:
        """See `Tracer`."""
        span = _span(f"{request.method} {request.path}", request.headers.get("traceparent"))
        _current.set(span)
        exchange = Exchange()
        try:
            yield exchange
        finally:
            if exchange.error is not None:
                mark_error(str(exchange.error))
            self._exporter.end(self._service, span, exchange.status)

    @contextlib.contextmanager
    def calling(self, method: str, url: str) -> Iterator[Exchange]:
        """See `Tracer`."""
        span = _current.get()
        headers = {} if span is None else {"traceparent": f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"}
        yield Exchange(headers)


def _span(name: str, traceparent: str | None) -> Span:
    """A span that began now; without a sound `traceparent` it begins a trace."""
    span = Span(name=name, kind=Span.SPAN_KIND_SERVER, span_id=os.urandom(8), start_time_unix_nano=time.time_ns())
    span.trace_id, span.parent_span_id = trace_context(traceparent) or (os.urandom(16), b"")
    return span


class Exporter:
    """Sends ended spans of all services in batches; what cannot be sent is dropped.

    Args:
        endpoint: `http://HOST:PORT` of an OTLP/HTTP receiver.
        batch_s: how long spans are collected, from the first on.
    """

    def __init__(self, endpoint: str, batch_s: float) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._batch_s = batch_s
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
            await asyncio.sleep(self._batch_s)
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
