"""Spans as OpenTelemetry's Python SDK with its aiohttp instrumentation makes them, by the stable HTTP conventions.

A client's and a server's span for each call; the client's is named by the method alone. The SDK itself would take three
times the shop's processor time, and the shop lives by time-outs of tens of milliseconds; so its spans are made here as
it was seen to make them (`tests/demo/golden/otel-sdk.json`).

Source: OpenTelemetry Semantic Conventions, "HTTP spans" (stable); recorded from opentelemetry-sdk 1.45.1 with
opentelemetry-instrumentation-aiohttp-client and -server 0.66b1.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from demo.shop.tracing import Exchange, trace_context

SERVER_SCOPE = "opentelemetry.instrumentation.aiohttp_server"
CLIENT_SCOPE = "opentelemetry.instrumentation.aiohttp_client"

_PARENT_IS_KNOWN, _PARENT_IS_REMOTE = 0x100, 0x200
_PASSED_ON = ("tracestate", "baggage")

End = Callable[[str, Span], None]
"""Takes an ended span in, with the scope that made it."""


@dataclass(frozen=True)
class _Context:
    """Of the request that is served: its span, and what its caller wants to have passed on."""

    trace_id: bytes
    span_id: bytes
    passed_on: Mapping[str, str] = field(default_factory=dict)


_current: ContextVar[_Context | None] = ContextVar("current context", default=None)


class OtelTracer:
    """`Tracer` of one service, whose ended spans go to `end`."""

    def __init__(self, end: End) -> None:
        self._end = end

    @contextmanager
    def serving(self, request: web.Request) -> Iterator[Exchange]:
        """See `Tracer`."""
        resource = request.match_info.route.resource
        route = "" if resource is None else resource.canonical
        span = _span(Span.SPAN_KIND_SERVER, f"{request.method} {route}".strip())
        caller = trace_context(request.headers.get("traceparent"))
        span.flags = _PARENT_IS_KNOWN | _PARENT_IS_REMOTE
        span.trace_id, span.parent_span_id = caller or (os.urandom(16), b"")
        _set(span, _served(request, route))
        passed_on = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        before = _current.set(_Context(span.trace_id, span.span_id, passed_on))
        exchange = Exchange()
        try:
            yield exchange
        except web.HTTPException:
            raise
        except BaseException as error:
            exchange.error = error
            raise
        finally:
            _current.reset(before)
            self._finish(SERVER_SCOPE, span, exchange, failed_from=500)

    @contextmanager
    def calling(self, method: str, url: str) -> Iterator[Exchange]:
        """See `Tracer`."""
        span = _span(Span.SPAN_KIND_CLIENT, method)
        span.flags = _PARENT_IS_KNOWN
        context = _current.get() or _Context(os.urandom(16), b"")
        span.trace_id, span.parent_span_id = context.trace_id, context.span_id
        asked = urlsplit(url)
        attributes = {"http.request.method": method, "url.full": url, "server.address": asked.hostname or ""}
        _set(span, attributes | {"server.port": asked.port or 80})
        traceparent = f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"
        exchange = Exchange({"traceparent": traceparent, **context.passed_on})
        try:
            yield exchange
        except BaseException as error:
            exchange.error = error
            raise
        finally:
            self._finish(CLIENT_SCOPE, span, exchange, failed_from=400)

    def _finish(self, scope: str, span: Span, exchange: Exchange, *, failed_from: int) -> None:
        error = exchange.error
        if error is not None:
            kind = type(error).__qualname__
            _set(span, {"error.type": kind})
            span.status.code, span.status.message = Status.STATUS_CODE_ERROR, kind
            event = span.events.add(name="exception", time_unix_nano=time.time_ns())
            _set(event, {"exception.type": kind, "exception.message": str(error)})
            _set(event, {"exception.stacktrace": "".join(traceback.format_exception(error))})
            _set(event, {"exception.escaped": "False"})
        else:
            _set(span, {"http.response.status_code": exchange.status})
            if exchange.status >= failed_from:
                _set(span, {"error.type": str(exchange.status)})
                span.status.code = Status.STATUS_CODE_ERROR
        span.end_time_unix_nano = time.time_ns()
        self._end(scope, span)


def _served(request: web.Request, route: str) -> dict[str, str | int]:
    found: dict[str, str | int] = {
        "http.request.method": request.method,
        "url.scheme": request.scheme,
        "server.address": request.url.host or "",
        "server.port": request.url.port or 80,
        "url.path": request.path,
        "url.query": request.query_string,
        "user_agent.original": request.headers.get("User-Agent", ""),
        "network.protocol.version": f"{request.version.major}.{request.version.minor}",
    }
    return {name: value for name, value in found.items() if value != ""} | {"http.route": route}


def _span(kind: Span.SpanKind.ValueType, name: str) -> Span:
    return Span(name=name, kind=kind, span_id=os.urandom(8), start_time_unix_nano=time.time_ns())


def _set(holder: Span | Span.Event, attributes: Mapping[str, str | int]) -> None:
    for name, value in attributes.items():
        attribute = holder.attributes.add(key=name)
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = value
