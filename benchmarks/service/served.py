"""`boifi serve` as a user starts it, in a data dir of its own, and what its processes take."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from benchmarks.environment import bare_environment
from benchmarks.memory import children_of, memory_of
from boifi_core.child_process import spawn
from cli.prefect_api import hold_port
from cli.serve import api_of_service

_ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")

ROLES = {"api.early_app": "facade", "deployments.prefect_server": "Prefect's server", "deployments.worker": "worker"}
SESSIONS, NURSERY = "sessions", "what they are forked from"

T = TypeVar("T")


@dataclass(frozen=True)
class Process:
    """One process of the service; `role` is what it is there for."""

    pid: int
    role: str


class Served:
    """A running service.

    Attributes:
        http: a client of its facade.
        prefect: one of its Prefect API.
        health_s, ready_s: how long after its start each first answered.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        with hold_port() as free:
            port = free.getsockname()[1]
        environment = bare_environment()
        environment["PREFECT_SERVER_LOG_RETRYABLE_ERRORS"] = "true"  # else a locked database is told to nobody
        environment |= {f"BOIFI_{name}_LIMIT": "60000/minute" for name in ("CREATE", "RATE")}
        self.log = data / "serve.log"
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = spawn(
                [str(Path(sys.executable).with_name("boifi")), "serve", "--port", str(port), "--out", str(data)],
                death_signal=signal.SIGTERM, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
        until(lambda: self._answers("/health"), 120, "an answer to /health")
        self.health_s = time.monotonic() - began
        until(lambda: self._answers("/ready"), 120, "ready")
        self.ready_s = time.monotonic() - began
        known = api_of_service(data)
        user, _, password = known["PREFECT_API_AUTH_STRING"].partition(":")
        self.prefect = httpx.Client(
            base_url=known["PREFECT_API_URL"], auth=(user, password), timeout=60, trust_env=False
        )

    def _answers(self, path: str) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"boifi serve ended with status {self._process.returncode}: {self.log.read_text()}")
        try:
            return self.http.get(path).is_success
        except httpx.HTTPError:
            return False

    def end(self) -> float:
        """End it; returns how long that took, seconds."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(120)
        self.http.close()
        self.prefect.close()
        return time.monotonic() - began

    def processes(self) -> list[Process]:
        """All that run now."""
        found = [Process(self._process.pid, "boifi serve")]
        for pid in children_of(self._process.pid):
            role = next((role for part, role in ROLES.items() if part in _command(pid)), "other")
            found.append(Process(pid, role))
            found += _below(pid, NURSERY, SESSIONS) if role == "worker" else _below(pid, role, role)
        return found

    def memory_mb(self) -> dict[str, list[float]]:
        """The PSS of each process, megabytes, by role."""
        found: dict[str, list[float]] = {}
        for process in self.processes():
            try:
                found.setdefault(process.role, []).append(memory_of(process.pid).pss_mb)
            except (OSError, ValueError):
                continue  # it has ended meanwhile
        return found

    def cpu_s(self) -> dict[int, float]:
        """What each process has taken of the processors so far, seconds, by process id."""
        found = {}
        for process in self.processes():
            try:
                fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[process.pid] = (int(fields[11]) + int(fields[12])) / _TICKS
        return found

    def database_bytes(self) -> int:
        """How large Prefect's database is; what is still in its journal is counted when the service has ended."""
        with closing(sqlite3.connect(self.data / "service" / "prefect.db")) as database:
            [[pages]], [[size]] = (database.execute(f"PRAGMA {name}") for name in ("page_count", "page_size"))
        return int(pages) * int(size)

    def problems(self) -> list[str]:
        """The lines of its logs that tell of errors, and of a locked database."""
        ours = self.log.read_text(errors="replace").splitlines()
        prefects = (self.data / "service" / "prefect.log").read_text(errors="replace").splitlines()
        return [line for line in ours if _OURS.search(line)] + [line for line in prefects if _PREFECTS.search(line)]


_OURS = re.compile(r'"level": "(ERROR|CRITICAL)"|Traceback|^\S*Error\b')
_PREFECTS = re.compile(r"\b(ERROR|CRITICAL)\b|locked|Traceback")


@contextmanager
def served(data: Path) -> Iterator[Served]:
    """A service on this data dir for as long as this lasts."""
    service = Served(data)
    try:
        yield service
    finally:
        service.end()


def until(condition: Callable[[], T], timeout_s: float, what: str, pause_s: float = 0.02) -> T:
    """Wait until the condition is true; returns what it gives.

    Raises:
        TimeoutError: it is not, in time.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s: {what}")
        time.sleep(pause_s)
    return found


def _below(pid: int, role: str, role_below: str) -> list[Process]:
    found = []
    for child in _children(pid):
        found.append(Process(child, role))
        found += _below(child, role_below, role_below)
    return found


def _children(pid: int) -> list[int]:
    try:
        return children_of(pid)
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
