"""What it costs a facade to check the largest request that it lets in, by shape, and larger ones, which it refuses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.table import Table, missed
from boifi_core.safety.guardrails import MOST_PROTECTED
from boifi_core.space import limits

AIM_S = 2.0
REPEATS = 3
TIMES = (1, 3, 10)
"""As many times the largest that is let in."""

VALIDATE = "/v1/optimization/sessions/validate"

Body = dict[str, Any]
DELAY = (
    {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
    {"name": "delay_ms", "type": "integer", "min": 10, "max": 2000},
)


def _body(dimensions: list[Body], constraints: list[Body] | None = None, **rest: Any) -> Body:
    space = {"dimensions": dimensions, "constraints": constraints or []}
    return {"executor_endpoint": "http://127.0.0.1:1", "search_space_config": space, **rest}


def _services(n: int, name: str = "target_service") -> Body:
    return {"name": name, "type": "categorical", "values": [f"service-{number}" for number in range(n)]}


def _faults(n: int, values: int) -> list[Body]:
    return [
        {**each, "name": f"f{fault}.{each['name']}"}
        for fault in range(n)
        for each in (*DELAY, _services(values), {"name": "percentage", "type": "integer", "min": 1, "max": 100})
    ]


def _rules(n: int, statements: int) -> list[Body]:
    then = [{"field": "delay_ms", "operator": "less_than", "value": 1_000 + number} for number in range(statements - 1)]
    return [
        {"if": {"field": "target_service", "operator": "equals", "value": f"service-{number % 1_000}"}, "then": then}
        for number in range(n)
    ]


def _in(n: int) -> list[Body]:
    named = _services(n)["values"]
    then = {"field": "delay_ms", "operator": "greater_than", "value": 20}
    return [{"if": {"field": "target_service", "operator": "in", "value": named}, "then": then}] * 10


SHAPES: dict[str, Callable[[int], Body]] = {
    "values of one dimension": lambda times: _body([*DELAY, _services(limits.MOST_VALUES * times)]),
    "dimensions, faults and values": lambda times: _body(
        _faults(limits.MOST_FAULTS * times, limits.MOST_VALUES_IN_ALL // limits.MOST_FAULTS - 10)
    ),
    "constraints, each of five statements": lambda times: _body(
        [*DELAY, _services(1_000)], _rules(limits.MOST_CONSTRAINTS * times, 5)
    ),
    "values of statements": lambda times: _body(
        [*DELAY, _services(limits.MOST_VALUES)], _in(limits.MOST_VALUES * times)
    ),
    "protected services, nearly all there are": lambda times: _body(
        [*DELAY, _services(MOST_PROTECTED + 1)],
        guardrails={"protected_services": _services(MOST_PROTECTED * times)["values"]},
    ),
    "protected services, none known": lambda times: _body(
        [*DELAY, _services(limits.MOST_VALUES)],
        guardrails={"protected_services": [f"servise-{number}" for number in range(MOST_PROTECTED * times)]},
    ),
    "protected paths": lambda times: _body(
        [
            *DELAY,
            {"name": "target_path", "type": "categorical", "values": [f"/{n}/" for n in range(limits.MOST_VALUES)]},
        ],
        guardrails={"protected_paths": [f"/{number}/" for number in range(MOST_PROTECTED * times)]},
    ),
    "requests of the probe": lambda times: _body(
        [*DELAY],
        observer={"type": "probe", "requests": [{"url": f"http://127.0.0.1:1/{n}"} for n in range(200 * times)]},
    ),
    "texts of 2,000 characters": lambda times: _body(
        [*DELAY, {**_services(1), "values": ["x" * (limits.LONGEST_TEXT * times - 4) + f"{n:04}" for n in range(400)]}]
    ),
}
"""A request by what there is much of in it; of the largest, at 1."""


def measure() -> list[Table]:
    """One row for each shape: seconds, and how many times those of a minimal request, by how large it is."""
    rows = []
    with _facade() as calls:
        _cost(calls, _body([*DELAY]))
        least_s, _ = _cost(calls, _body([*DELAY]))
        alive_s = median(_took(lambda: calls.get("/health")) for _ in range(REPEATS))
        for shape, body in SHAPES.items():
            costs = [_cost(calls, body(times)) for times in TIMES]
            assert [status for _, status in costs] == [200, 422, 422], (shape, costs)
            figures = (f"{took:.2f}{missed(took, AIM_S)}, × {took / least_s:.1f}" for took, _ in costs)
            rows.append((shape, *figures))
    head = f"A request checked, s (aim < {AIM_S:g}) and times a minimal one, of {1_000 * least_s:.0f} ms"
    title = f"{head}; `/health` takes {1_000 * alive_s:.1f} ms"
    return [Table(title, ("much of", "the largest", "3 times as large: refused", "10 times: refused"), tuple(rows))]


def _cost(calls: httpx.Client, body: Body) -> tuple[float, int]:
    answers = []

    def ask() -> None:
        answers.append(calls.post(VALIDATE, json=body).status_code)

    took_s = median(_took(ask) for _ in range(REPEATS))
    [status] = set(answers)
    return took_s, status


def _took(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@contextmanager
def _facade() -> Iterator[httpx.Client]:
    """A facade as the service starts it, without Prefect; bodies may be large, so that the limits themselves refuse."""
    with TemporaryDirectory() as data, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        settings = {"BOIFI_DATA": data, "BOIFI_CREATE_LIMIT": "100000/minute", "BOIFI_MAX_BODY_BYTES": "50000000"}
        command = [sys.executable, "-m", "uvicorn", "--factory", "api.early_app:create_app", "--port", str(port)]
        facade = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as calls:
                while True:
                    with suppress(httpx.HTTPError):
                        calls.get("/health").raise_for_status()
                        break
                    assert facade.poll() is None
                    time.sleep(0.1)
                yield calls
        finally:
            facade.terminate()
            facade.wait()
