"""What a service of the shop tells of its requests: the interface, and services that tell nothing and pass headers on.

The two ways to make spans are in `own_spans.py` and `otel_spans.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from aiohttp import web

_PASSED_ON = ("traceparent", "tracestate", "baggage", "x-request-id")


@dataclass
class Exchange:
    """A request under way, served or made.

    Attributes:
        headers: what a request that is made carries on of its trace.
        status: of the answer; 500 until there is one.
        error: what ended it unhandled.
    """

    headers: dict[str, str] = field(default_factory=dict)
    status: int = 500
    error: BaseException | None = None


class Tracer(Protocol):
    """Of one service; whoever enters a block says in its `Exchange` how the request ended."""

    def serving(self, request: web.Request) -> AbstractContextManager[Exchange]:
        """Around the handling of a request."""

    def calling(self, method: str, url: str) -> AbstractContextManager[Exchange]:
        """Around a request to another service."""


class PassesOn:
    """`Tracer` of a service that makes no spans, but hands the headers of its caller on to its callees."""

    def serving(self, request: web.Request) -> AbstractContextManager[Exchange]:
        """See `Tracer`."""
        _of_caller.set({name: request.headers[name] for name in _PASSED_ON if name in request.headers})
        return _exchange({})

    def calling(self, method: str, url: str) -> AbstractContextManager[Exchange]:
        """See `Tracer`."""
        return _exchange(dict(_of_caller.get()))


_of_caller: ContextVar[Mapping[str, str]] = ContextVar("headers of the request served", default=MappingProxyType({}))


@contextmanager
def _exchange(headers: dict[str, str]) -> Iterator[Exchange]:
    yield Exchange(headers)


def trace_context(traceparent: str | None) -> tuple[bytes, bytes] | None:
    """Trace id and span id of a W3C `traceparent`; None if there is none that is sound."""
    try:
        _version, trace_id, span_id, _flags = (traceparent or "").split("-")
        return bytes.fromhex(trace_id), bytes.fromhex(span_id)
    except ValueError:
        return None
