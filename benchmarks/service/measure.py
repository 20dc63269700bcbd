"""What is measured of the service: its start, sessions one by one and ten at once, and fifty that queue."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from benchmarks.service.served import SESSIONS, Served, served, until
from benchmarks.service.sessions import (
    PATH,
    Asked,
    ask,
    cancel,
    end_of,
    first_task_s,
    made,
    missing_tasks,
    over_ms,
    trials_of,
)
from benchmarks.service.targets import slow_targets
from benchmarks.table import Table, missed
from boifi_core.models import ENDED, SessionStatus

OBSERVATION_S = 0.5
TARGETS = 10
SETTLE_S = 60.0
"""How long after the sessions' end Prefect may take to know all of their tasks, seconds."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        starts: of a service on a data dir that has been used.
        alone: sessions one after the other.
        trials: of each session, alone and among ten.
        cancels: sessions that are cancelled in Prefect, one after the other.
        queued: sessions at once on `TARGETS` targets, of two trials each.
    """

    starts: int
    alone: int
    trials: int
    cancels: int
    queued: int


FULL = Size(starts=3, alone=3, trials=30, cancels=5, queued=50)
QUICK = Size(starts=1, alone=1, trials=18, cancels=1, queued=50)


def measure(size: Size) -> Iterator[Table]:
    """All tables, each as soon as it is measured."""
    with tempfile.TemporaryDirectory(prefix="boifi-service-") as folder:
        data = Path(folder)
        yield _starts(data, size)
        with served(data) as service:
            empty = service.database_bytes()
            with slow_targets(TARGETS, OBSERVATION_S) as endpoints:
                alone = _one_by_one(service, endpoints[0], size)
                ten = _at_once(service, endpoints, size)
                cancelled = [_cancelled(service, endpoints[0]) for _ in range(size.cancels)]
            with slow_targets(TARGETS, 0.05) as endpoints:
                queue = _queued(service, endpoints, size)
            grown = service.database_bytes() - empty
            made_trials = sum(len(trials_of(each)) for each in [*alone.asked, *ten.asked, *queue.asked])
            yield _latencies(service, alone, ten, cancelled)
            yield _trials(alone, ten, grown / made_trials)
            yield _memory(ten)
            yield _cpu(alone, ten)
            yield _sound(service, alone, ten, queue)


@dataclass
class Load:
    """Sessions that ran together.

    Attributes:
        memory: of the moment when all processes together held most: megabytes of each, by role.
        cpu_ms: of each trial, by role, while all of them ran.
        api_ms: how long answers of the facade took meanwhile.
        took_s: from the first request to the last end.
    """

    asked: list[Asked] = field(default_factory=list)
    memory: dict[str, list[float]] = field(default_factory=dict)
    cpu_ms: dict[str, float] = field(default_factory=dict)
    api_ms: list[float] = field(default_factory=list)
    took_s: float = 0.0


def _starts(data: Path, size: Size) -> Table:
    def start() -> tuple[float, float, float]:
        service = Served(data)
        return service.health_s, service.ready_s, service.end()

    first = start()
    again = [start() for _ in range(size.starts)]
    medians = [float(np.median(each)) for each in zip(*again, strict=True)]
    rows = (
        ("first start on a data dir", *(f"{seconds:.1f}" for seconds in first)),
        (f"start again, median of {size.starts}", f"{medians[0]:.2f}{missed(medians[0], 1)}",
         f"{medians[1]:.2f}{missed(medians[1], 5)}", f"{medians[2]:.1f}"),
        ("aim", "< 1", "< 5", ""),
    )  # fmt: skip
    return Table("Start of the service, s", ("", "to /health", "to /ready", "its end"), rows)


def _one_by_one(service: Served, endpoint: str, size: Size) -> Load:
    load = Load()
    for _ in range(size.alone):
        time.sleep(1.0)  # what the one before still tells Prefect is no cost of this one
        one = _at_once(service, [endpoint], size)
        load.asked += one.asked
        load.cpu_ms = one.cpu_ms
    return load


def _at_once(service: Served, endpoints: Sequence[str], size: Size) -> Load:
    load, began = Load(), time.monotonic()
    load.asked = ask(service, endpoints, size.trials)
    with _reading(service, load.asked, load.api_ms):
        _watch(service, load)
    load.took_s = time.monotonic() - began
    return load


def _watch(service: Served, load: Load) -> None:
    """Until all have ended: memory, and what a trial takes while all of them make some."""
    first: tuple[dict[int, float], int] | None = None
    while True:
        states = [each.folder.state() for each in load.asked]
        if all(state and state.status in ENDED for state in states):
            return
        counts = [made(each) for each in load.asked]
        memory = service.memory_mb()
        if _total(memory) > _total(load.memory):
            load.memory = memory
        if all(state and state.status is SessionStatus.RUNNING for state in states) and min(counts) >= 1:
            cpu = service.cpu_s()
            if first is None:
                first = cpu, sum(counts)
            elif sum(counts) > first[1]:
                load.cpu_ms = _by_role(service, first[0], cpu, sum(counts) - first[1])
        time.sleep(1.5)


def _by_role(service: Served, before: dict[int, float], after: dict[int, float], trials: int) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for process in service.processes():
        if process.pid in before and process.pid in after:
            found[process.role] += (after[process.pid] - before[process.pid]) * 1000 / trials
    return dict(found)


@contextmanager
def _reading(service: Served, asked: Sequence[Asked], took_ms: list[float]) -> Iterator[None]:
    """Ask the facade about the sessions, ten times a second."""
    ended = threading.Event()
    ids = [each.folder.session_id for each in asked]
    paths = [PATH, *(f"{PATH}/{session_id}{part}" for session_id in ids for part in ("", "/trials"))]

    def read() -> None:
        with httpx.Client(base_url=service.http.base_url, timeout=60, trust_env=False) as http:
            for number in range(1_000_000):
                began = time.perf_counter()
                http.get(paths[number % len(paths)]).raise_for_status()
                took_ms.append((time.perf_counter() - began) * 1000)
                if ended.wait(0.1):
                    return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        ended.set()
        reader.join()


def _cancelled(service: Served, endpoint: str) -> tuple[float, float]:
    (asked,) = ask(service, [endpoint], trials=200)
    return cancel(service, asked, timeout_s=60)


def _queued(service: Served, endpoints: Sequence[str], size: Size) -> Load:
    load, began = Load(), time.monotonic()
    each_target = [endpoint for endpoint in endpoints for _ in range(size.queued // len(endpoints))]
    load.asked = ask(service, each_target, trials=2, baseline=1)
    for asked in load.asked:
        end_of(asked, 300)
    load.took_s = time.monotonic() - began
    return load


def _latencies(service: Served, alone: Load, ten: Load, cancelled: Sequence[tuple[float, float]]) -> Table:
    one = [first_task_s(service, asked) for asked in alone.asked]
    many = [first_task_s(service, asked) for asked in ten.asked]
    cleared, ended = zip(*cancelled, strict=True)
    answers = float(np.quantile(ten.api_ms, 0.95))
    rows = (
        ("request to first task, one session, s", *_spread(one, 1.0), "< 1"),
        (f"request to first task, {len(many)} at once, s", *_spread(many, 5.0), "< 5"),
        (f"answers of the facade meanwhile, ms: p95 of {len(ten.api_ms)}", f"{np.median(ten.api_ms):.0f}",
         f"{answers:.0f}{missed(answers, 100)}", "p95 < 100"),
        ("cancel in Prefect to no fault in force, s", *_spread(cleared, 5.0), "< 5"),
        ("cancel in Prefect to CANCELLED, s", *_spread(ended, 5.0), "< 5"),
    )  # fmt: skip
    return Table("Waiting", ("", "median", "longest, or p95", "aim"), rows)


def _spread(seconds: Sequence[float], aim: float) -> tuple[str, str]:
    return f"{np.median(seconds):.2f}", f"{max(seconds):.2f}{missed(max(seconds), aim)}"


def _trials(alone: Load, ten: Load, bytes_each: float) -> Table:
    rows = []
    for name, load, aim in (("one session", alone, 100.0), (f"{len(ten.asked)} sessions at once", ten, 400.0)):
        over = [ms for asked in load.asked for ms in over_ms(asked, OBSERVATION_S)]
        median = float(np.median(over))
        rows.append((f"{name}, ms", f"{median:.0f}{missed(median, aim)}", f"{np.quantile(over, 0.95):.0f}",
                     f"< {aim:g}"))  # fmt: skip
    kilobytes = bytes_each / 1000
    rows.append(("of Prefect's database, KB", f"{kilobytes:.1f}{missed(kilobytes, 40)}", "", "< 40"))
    return Table("What a trial costs, over its observation of 500 ms", ("", "median", "p95", "aim"), tuple(rows))


def _memory(ten: Load) -> Table:
    rows = [(role, f"{sum(mb):.0f}", str(len(mb)), "") for role, mb in ten.memory.items()]
    total, session = _total(ten.memory), float(np.mean(ten.memory[SESSIONS]))
    rows += [
        ("a session", f"{session:.0f}{missed(session, 100)}", "1", "< 100"),
        ("all", f"{total:.0f}{missed(total, 2000)}", str(sum(map(len, ten.memory.values()))), "< 2000"),
    ]
    return Table(f"Memory with {len(ten.asked)} sessions, at its highest, MB PSS",
                 ("", "MB", "processes", "aim"), tuple(rows))  # fmt: skip


def _cpu(alone: Load, ten: Load) -> Table:
    roles = sorted({*alone.cpu_ms, *ten.cpu_ms})
    rows = [(role, *(f"{load.cpu_ms.get(role, 0):.0f}" for load in (alone, ten))) for role in roles]
    rows.append(("all", *(f"{sum(load.cpu_ms.values()):.0f}" for load in (alone, ten))))
    heads = ("", "one session", f"{len(ten.asked)} sessions")
    return Table("Processor time for each trial, ms", heads, tuple(rows))


def _sound(service: Served, alone: Load, ten: Load, queue: Load) -> Table:
    everything = [*alone.asked, *ten.asked]
    left: list[str] = []

    def all_told() -> bool:
        left[:] = [name for asked in everything for name in missing_tasks(service, asked)]
        return not left

    with suppress(TimeoutError):
        until(all_told, SETTLE_S, "all tasks in Prefect", pause_s=1.0)
    tasks = sum(len(trials_of(asked)) for asked in everything) * 5
    problems = service.problems()
    for line in problems[:5]:
        print("problem:", line[:300])
    rows = (
        _completed(f"{len(ten.asked)} sessions at once", ten),
        _completed(f"{len(queue.asked)} sessions queued, on {TARGETS} targets", queue),
        ("steps of trials that Prefect has as task runs", f"{tasks - len(left)} of {tasks}", ""),
        ("lines of the logs that tell of an error", str(len(problems)), ""),
    )
    return Table("Soundness", ("", "", "took, s"), rows)


def _completed(name: str, load: Load) -> tuple[str, str, str]:
    states = [asked.folder.state() for asked in load.asked]
    completed = sum(state is not None and state.status is SessionStatus.COMPLETED for state in states)
    return f"{name}: completed", f"{completed} of {len(states)}", f"{load.took_s:.0f}"


def _total(memory: dict[str, list[float]]) -> float:
    return sum(map(sum, memory.values()))
