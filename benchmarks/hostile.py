"""What an observation costs whose trace is meant to exhaust whoever reads it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.memory import memory_of
from benchmarks.table import Table, missed
from boifi_core.observers.hfi_answer import read_observation

AIM_S, AIM_MB = 2.0, 200.0
MB = 1_000_000
KINDS = ("CLIENT", "SERVER")


def _spans(entries: Iterable[str]) -> str:
    return f'{{"spans":[{",".join(entries)}]}}'


def _otlp(n_spans: int, n_attributes: int) -> str:
    attributes = ",".join(['{"key":"http.method","value":{"stringValue":"GET"}}'] * n_attributes)
    spans = (
        f'{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"{number + 1:016x}",'
        f'"parentSpanId":"{number // 3:016x}","name":"GET /p/{number}","kind":2,'
        f'"startTimeUnixNano":"{10**18 + number}","endTimeUnixNano":"{10**18 + number + 5000}",'
        f'"attributes":[{attributes}]}}'
        for number in range(n_spans)
    )
    return f'{{"resourceSpans":[{{"scopeSpans":[{_spans(spans)}]}}]}}'


def _zipkin(spans: Iterable[str]) -> str:
    return f"[{','.join(spans)}]"


HOSTILE: dict[str, Callable[[], str]] = {
    "50 MB of empty spans": lambda: _spans(["{}"] * (50 * MB // 3)),
    "10 MB of empty spans": lambda: _spans(["{}"] * (10 * MB // 3)),
    "nested 100,000 deep": lambda: "[" * 100_000 + "]" * 100_000,
    "spans in spans, 100,000 deep": lambda: '{"spans":' * 100_000 + "[]" + "}" * 100_000,
    "10 MB of brackets": lambda: "[" * 10 * MB,
    "a million spans": lambda: _spans('{"id":1}' for _ in range(MB)),
    "300,000 objects": lambda: _spans(f'{{"a{number}":"b{number}"}}' for number in range(299_000)),
    "650,000 different keys": lambda: _spans(["{" + ",".join(f'"{n}":"a{n % 99}"' for n in range(650_000)) + "}"]),
    "every span its own parent": lambda: _spans(
        f'{{"id":"{number}","parent_id":"{number}","name":"GET /p/{number}","duration_ms":{number}}}'
        for number in range(20_000)
    ),
    "a chain of 20,000 spans": lambda: _spans(
        f'{{"id":"{number}","parent_id":"{number - 1}","name":"op{number}x","duration_ms":1}}'
        for number in range(20_000)
    ),
    "a circle of 20,000 spans": lambda: _spans(
        f'{{"id":"{number}","parent_id":"{(number + 1) % 20_000}","name":"op{number}x"}}' for number in range(20_000)
    ),
    "20,000 spans of one id": lambda: _zipkin(
        f'{{"traceId":"1","id":"a","parentId":"a","kind":"{KINDS[number % 2]}","name":"n{number}x",'
        f'"localEndpoint":{{"serviceName":"s{number}"}}}}'
        for number in range(20_000)
    ),
    "20,000 spans of OTLP": lambda: _otlp(20_000, 0),
    "10,000 spans of OTLP with 13 attributes each": lambda: _otlp(10_000, 13),
    "names of 5 MB": lambda: _spans(['{"id":"' + "a" * 5 * MB + '","name":"' + "/1" * 2 * MB + '"}']),
    "9 MB of half surrogate pairs": lambda: _spans(['{"id":"1","name":"' + r"\ud800" * 1_500_000 + '"}']),
    "9 million wide characters": lambda: _spans(['{"id":"1","name":"' + "\U0001f600" * 9 * MB + '"}']),
    "a number of 9 million digits": lambda: _spans(['{"id":' + "9" * 9 * MB + "}"]),
    "three million lines": lambda: "12\n" * 3_300_000,
}
"""Text by what is hostile about it."""


@dataclass(frozen=True)
class Cost:
    """What reading one observation took, of processor time and memory, and why it is degraded; empty if it is not."""

    seconds: float
    megabytes: float
    reason: str


def cost_of(name: str) -> Cost:
    """Read an observation with one of the `HOSTILE` traces, in a process forked from this one (Linux only)."""
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        try:
            os.write(start, json.dumps(_read(HOSTILE[name]())).encode())
        finally:
            os._exit(0)
    os.close(start)
    with os.fdopen(end, "rb") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return Cost(*json.loads(told))


def _read(text: str) -> tuple[float, float, str]:
    before = memory_of(os.getpid()).rss_mb
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    started = time.process_time()
    fields = {"status_code": 200, "latency_ms": 1.0, "error_rate": 0, "logs": [], "trace_data": text}
    seen = read_observation(fields, timestamp=datetime.now(UTC))
    seconds = time.process_time() - started
    return seconds, memory_of(os.getpid()).peak_mb - before, "; ".join(seen.degraded)


def measure() -> list[Table]:
    """One row for each hostile trace."""
    rows = []
    for name in HOSTILE:
        cost = cost_of(name)
        seconds = f"{cost.seconds:.2f}{missed(cost.seconds, AIM_S)}"
        megabytes = f"{cost.megabytes:.0f}{missed(cost.megabytes, AIM_MB)}"
        rows.append((name, seconds, megabytes, cost.reason or "read"))
    columns = ("trace", f"CPU s, aim < {AIM_S:g}", f"MB more, aim < {AIM_MB:g}", "outcome")
    return [Table("An observation with a hostile trace", columns, tuple(rows))]
