"""What a trial costs over its observation, with Prefect, with a stock server of it, and without; and what memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.environment import bare_environment
from benchmarks.memory import Memory
from benchmarks.one_session import Measured
from benchmarks.service.targets import slow_targets
from benchmarks.stock import stock_prefect
from benchmarks.table import Table, missed, spread
from boifi_core.child_process import end, spawn

AIM_MS, AIM_MB = 100.0, 200.0
"""What is aimed at, with Prefect too."""

_ROOT = Path(__file__).resolve().parent.parent
_TIMEOUT_S = 120.0


def measure(trials: int = 30) -> list[Table]:
    """A session each way against a control plane that observes at once, so that nothing hides behind a wait."""
    ways = {"with Prefect": _session(trials, "--prefect")}
    with tempfile.TemporaryDirectory(prefix="boifi-stock-") as home, stock_prefect(Path(home)) as url:
        ways["with a stock Prefect server"] = _session(trials, "--prefect", PREFECT_API_URL=url)
    ways["without"] = _session(trials)
    times = [_times_row(name, took, None if "stock" in name else AIM_MS) for name, took in ways.items()]
    head = ("", "trials", "over its observation", "of that proposal and record", "aim")
    prefect = ways["with Prefect"]
    return [
        Table("A trial, ms: median / p95", head, tuple(times)),
        Table(
            "Memory at the last trial, MB",
            ("", "PSS", "RSS", "highest RSS", "aim"),
            (
                _memory_row("session, with Prefect", prefect.session, AIM_MB),
                _memory_row("Prefect server", prefect.server),
                _memory_row("session, without", ways["without"].session, AIM_MB),
            ),
        ),
    ]


def _times_row(name: str, took: Measured, aim: float | None) -> tuple[str, ...]:
    over, optimizer = spread(took.over_ms, aim), spread(took.optimizer_ms)
    return (name, str(len(took.over_ms)), over, optimizer, f"< {aim:g}" if aim else "")


def _memory_row(name: str, memory: Memory | None, aim: float | None = None) -> tuple[str, ...]:
    if memory is None:
        raise RuntimeError(f"{name}: its memory was not measured")
    figures = (f"{mb:.0f}{missed(mb, aim)}" for mb in (memory.pss_mb, memory.rss_mb, memory.peak_mb))
    return (name, *figures, f"< {aim:g}" if aim else "")


def _session(trials: int, *options: str, **settings: str) -> Measured:
    with (
        tempfile.TemporaryDirectory(prefix="boifi-benchmark-") as data,
        slow_targets(1, observation_s=0.0) as [endpoint],
    ):
        command = [sys.executable, "-m", "benchmarks.one_session", "--endpoint", endpoint, "--trials", str(trials),
                   "--data", data, *options]  # fmt: skip
        child = spawn(command, cwd=_ROOT, env=bare_environment() | settings, stdout=subprocess.PIPE)
        try:
            printed, _ = child.communicate(timeout=_TIMEOUT_S)
        finally:
            end(child, grace_s=10.0)
    if child.returncode:
        raise RuntimeError(f"the session ended with status {child.returncode}")
    return Measured.model_validate_json(printed.splitlines()[-1])
