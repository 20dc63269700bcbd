"""The probe: an observer that drives the target's traffic itself and takes the spans from the tracing side."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle, islice

import httpx

from boifi_core.errors import ExecutorTimedOut, counted
from boifi_core.models import RawObservation
from boifi_core.observers.expect.answer import Answer
from boifi_core.observers.expect.expecting import Asked, Expecting
from boifi_core.observers.otlp.receiver import OtlpReceiver
from boifi_core.observers.probe_config import ProbeConfig, RequestConfig
from boifi_core.observers.trace_sources.base import TraceSource
from boifi_core.observers.trace_sources.receiver import ReceivedTraces
from boifi_core.observers.trace_sources.table import open_source
from boifi_core.observers.window import Outcome, by_kind_typical_first, summarise
from boifi_core.wire.client import new_client
from boifi_core.wire.loop import LoopThread
from boifi_core.wire.reasons import why_unanswered

_KEPT_BODY_BYTES = 2_000
_KEPT_CHARACTERS = 300
_LONGEST_HEADER = 2_000
_GLANCE = 10

LEARNING_PAUSE_S = 1.1
"""Between the windows that it learns from: what counts seconds is to be seen to differ."""


class Probe:
    """Observes by sending the configured requests; usable from any thread, one window at a time.

    Args:
        config: which requests, how many, how fast.
        receiver: where the spans arrive, which are sent at once; it stays the caller's to close. Without one, the probe
            opens the source of traces that the config names, if any.

    Raises:
        InvalidInput: the source of traces cannot be opened, a header's variable is not set, or a file with a schema
            cannot be read.
    """

    def __init__(self, config: ProbeConfig, receiver: OtlpReceiver | None = None) -> None:
        for request in config.requests:
            request.read_headers()
        self._config = config
        self._expecting = Expecting(config.requests)
        self._news: list[str] = []
        self._windows = 0
        self.source: TraceSource | None = None
        if receiver is not None:
            self.source = ReceivedTraces(receiver)
        elif config.traces is not None:
            self.source = open_source(config.traces)
        self._client = new_client(
            [request.url for request in config.requests],
            connections=config.concurrency,
            headers={},
            trust=config,
            section="observer",
        )
        self._loop = LoopThread("probe")
        self._one_window = threading.Lock()

    def observe(self, *, newer_than: datetime, timeout_s: float) -> RawObservation:
        """Drive one window that begins after `newer_than`.

        When `timeout_s` ends before all requests do, those that were done are the observation, and it is degraded.

        Raises:
            ExecutorTimedOut: not one request was done in time.
        """
        reserved_s = 0.0 if self.source is None else self.source.reserved_s(timeout_s)
        with self._window(newer_than, timeout_s) as (started_at, deadline):
            queue = interleaved(self._config.requests, self._config.count)
            outcomes, reasons = self._driven(queue, deadline - reserved_s, timeout_s)
            return self._summary(outcomes, started_at, timeout_s, deadline, reasons)

    def glance(self, *, newer_than: datetime, timeout_s: float) -> RawObservation:
        """See `Glancing`: each of the requests at least once, whatever its weight."""
        count = max(len(self._config.requests), self._config.concurrency, _GLANCE)
        with self._window(newer_than, timeout_s) as (started_at, deadline):
            queue = islice(cycle(self._config.requests), count)
            outcomes, reasons = self._driven(queue, deadline, timeout_s)
            return summarise(outcomes, started_at=started_at, reasons=reasons)

    @contextmanager
    def _window(self, newer_than: datetime, timeout_s: float) -> Iterator[tuple[datetime, float]]:
        """Have the probe to ourselves; gives when the window begins, and when it must be over (`time.monotonic`)."""
        deadline = time.monotonic() + timeout_s
        if not self._one_window.acquire(timeout=timeout_s):
            raise ExecutorTimedOut(f"probe: another window was still running after {timeout_s:g} s")
        try:
            if self._expecting.is_learning and self._windows:
                time.sleep(min(LEARNING_PAUSE_S, timeout_s / 4))
            self._windows += 1
            yield _wait_until_after(newer_than, deadline), deadline
        finally:
            self._one_window.release()

    def _driven(
        self, queue: Iterator[RequestConfig], deadline: float, timeout_s: float
    ) -> tuple[list[Outcome], list[str]]:
        """The requests of a window, and why not all of their answers were looked at."""
        asked = self._loop.run(self._drive, queue, deadline)
        if not asked:
            raise ExecutorTimedOut(f"probe: no request was done within {timeout_s:g} s")
        return self._expecting.judged(asked, max(0.0, deadline - time.monotonic()))

    def learn(self) -> None:
        """See `Learning`."""
        if told := self._expecting.learn():
            self._news.append(told)

    def news(self) -> Sequence[str]:
        """What was learnt of answers, and what the source of traces has to tell."""
        own, self._news = self._news, []
        return [*own, *(() if self.source is None else self.source.news())]

    def close(self) -> None:
        """Close connections, the loop's thread and the source of traces; again is harmless."""
        if self._loop.closed:
            return
        self._loop.run(self._client.aclose)
        self._loop.close()
        if self.source is not None:
            self.source.close()

    def _summary(
        self,
        outcomes: Sequence[Outcome],
        started_at: datetime,
        timeout_s: float,
        deadline: float,
        reasons: list[str],
    ) -> RawObservation:
        if len(outcomes) < self._config.count:
            reasons.append(
                f"probe: {len(outcomes)} of {counted(self._config.count, 'request')} were done in {timeout_s:g} s"
            )
        if self.source is None:
            return summarise(outcomes, started_at=started_at, reasons=reasons)
        limit_s = max(0.0, deadline - time.monotonic())
        collected = self.source.collect(by_kind_typical_first(outcomes), limit_s=limit_s)
        reasons += collected.reasons
        return summarise(
            outcomes, started_at=started_at, traces=collected.traces, fetched=collected.fetched, reasons=reasons
        )

    async def _drive(self, queue: Iterator[RequestConfig], deadline: float) -> list[Asked]:
        done: list[Asked] = []

        async def send_in_turn() -> None:
            for request in queue:
                asked = await self._send(request, deadline)
                if asked is None:
                    return
                done.append(asked)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._config.concurrency):
                group.create_task(send_in_turn())
        return done

    async def _send(self, request: RequestConfig, deadline: float) -> Asked | None:
        """None if the window ended before the request's own time did."""
        limit_s = min(self._config.timeout_s, deadline - time.monotonic())
        if limit_s <= 0:
            return None
        trace_id, parent_id = os.urandom(16), os.urandom(8)
        answer, status, text = None, 504, f"no answer within {limit_s:g} s"
        headers = self._headers(request, trace_id, parent_id)
        started_ns, started = time.time_ns(), time.perf_counter()
        try:
            async with asyncio.timeout(limit_s):
                answer = await self._exchange(request, headers)
                status, text = answer.status, _one_line(answer.body) if answer.status >= 400 else ""
        except TimeoutError:
            if limit_s < self._config.timeout_s:
                return None
        except (httpx.HTTPError, OSError) as error:
            status, text = 503, why_unanswered(error)
        latency_ms = (time.perf_counter() - started) * 1000
        outcome = Outcome(
            request.kind,
            status,
            latency_ms,
            text,
            trace_id,
            parent_id,
            answer is not None,
            path=request.path,
            started_ns=started_ns,
            method=request.method,
        )
        if answer is None or not self._expecting.looks_at(request):
            return Asked(request, outcome)
        return self._expecting.arrived(request, outcome, replace(answer, latency_ms=latency_ms))

    def _headers(self, request: RequestConfig, trace_id: bytes, parent_id: bytes) -> dict[str, str]:
        headers = request.read_headers()
        own = {name.lower() for name in headers}
        more = {} if self.source is None else self.source.headers(trace_id, parent_id)
        headers |= {name: value for name, value in more.items() if name.lower() not in own}
        headers["traceparent"] = f"00-{trace_id.hex()}-{parent_id.hex()}-01"
        return headers

    async def _exchange(self, request: RequestConfig, headers: dict[str, str]) -> Answer:
        content = None
        if isinstance(request.body, str):
            content = request.body.encode()
        elif request.body is not None:
            content = json.dumps(request.body).encode()
            if not any(name.lower() == "content-type" for name in headers):
                headers["Content-Type"] = "application/json"
        kept, size, wanted = bytearray(), 0, self._expecting.wanted_bytes(request)
        async with self._client.stream(request.method, request.url, headers=headers, content=content) as response:
            most = max(wanted, _KEPT_BODY_BYTES) if response.status_code >= 400 else wanted
            async for chunk in response.aiter_raw():
                size += len(chunk)
                kept += chunk[: most - len(kept)]
        return Answer(min(response.status_code, 599), _lower_case(response.headers), bytes(kept), size)


def interleaved(requests: Sequence[RequestConfig], count: int) -> Iterator[RequestConfig]:
    """`count` requests by weight, spread evenly and the same each time, so that every window has the same mix.

    Source: nginx's smooth weighted round-robin.
    """
    total = sum(request.weight for request in requests)
    credit = [0.0] * len(requests)
    for _ in range(count):
        for index, request in enumerate(requests):
            credit[index] += request.weight
        chosen = max(range(len(requests)), key=lambda index: (credit[index], -index))
        credit[chosen] -= total
        yield requests[chosen]


def _wait_until_after(moment: datetime, deadline: float) -> datetime:
    while (now := datetime.now(UTC)) <= moment:
        wait_s = (moment - now).total_seconds() + 0.001
        if time.monotonic() + wait_s >= deadline:
            raise ExecutorTimedOut(f"probe: {moment.isoformat()} lies {wait_s:.1f} s ahead, beyond the time-out")
        time.sleep(wait_s)
    return now


def _lower_case(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value[:_LONGEST_HEADER] for name, value in headers.items()}


def _one_line(body: bytes) -> str:
    text = " ".join(body[:_KEPT_BODY_BYTES].decode("utf-8", "replace").split())
    return "".join(character for character in text if character.isprintable())[:_KEPT_CHARACTERS]
