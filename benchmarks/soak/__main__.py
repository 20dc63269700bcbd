"""`python -m benchmarks.soak --locust PROGRAM [--minutes N] [--write]`: ten sessions at any time, for a long time."""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks import document
from benchmarks.one_session import config_for
from benchmarks.service.served import SESSIONS, Served, served
from benchmarks.service.targets import slow_targets
from benchmarks.table import Table, missed, show, terminal
from boifi_core.child_process import end, spawn
from boifi_core.session.folder import SessionFolder

ACTIVE, IDLE = 9, 1
OBSERVATION_S, IDLE_OBSERVATION_S = 0.5, 10.0
TRIALS = 60
SAMPLE_S = 10.0
WARM = 0.25
"""The share of the time after which memory is looked at: by then every process has done everything once."""

LEAST_MINUTES = 10.0
"""Of a shorter run nothing is said about the growth of memory."""

FLAT_MB_PER_HOUR = 20.0
"""Memory that grows by less is flat."""


@dataclass
class Sample:
    """One look at the processes.

    Attributes:
        at_s: since the start, seconds.
        memory_mb: PSS by role, of the processes that are not sessions.
        cpu_s: what each session's process has taken so far, by the target it works on and its process id.
    """

    at_s: float
    memory_mb: dict[str, float]
    cpu_s: dict[tuple[str, int], float]


@dataclass
class Soaked:
    """What came of it."""

    samples: list[Sample] = field(default_factory=list)
    requests: int = 0
    failures: int = 0
    p95_ms: float = 0.0
    trials: int = 0


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--locust", type=Path, required=True, help="the locust program")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long; 30 by default")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    given = parser.parse_args()
    console = terminal()
    measured = document.machine()
    console.print(measured)
    table = told(soak(given.locust, given.minutes), given.minutes)
    show([table], console)
    if given.write:
        document.write("soak", [table], measured)


def soak(locust: Path, minutes: float) -> Soaked:
    """Run the service under load for so long."""
    soaked = Soaked()
    with (
        tempfile.TemporaryDirectory(prefix="boifi-soak-") as folder,
        slow_targets(ACTIVE, OBSERVATION_S) as active,
        slow_targets(IDLE, IDLE_OBSERVATION_S) as idle,
        served(Path(folder)) as service,
    ):
        configs = [_config(endpoint) for endpoint in [*active, *idle]]
        command = [
            str(locust), "--locustfile", str(Path(__file__).with_name("locustfile.py")), "--headless", "--only-summary",
            "--host", str(service.http.base_url), "--users", str(len(configs) + 5), "--spawn-rate", "5",
            "--run-time", f"{round(minutes * 60)}s", "--csv", f"{folder}/soak", "--exit-code-on-error", "0",
        ]  # fmt: skip
        load = spawn(command, env={**os.environ, "SOAK_CONFIGS": json.dumps(configs)}, stdout=subprocess.DEVNULL)
        try:
            began = time.monotonic()
            while load.poll() is None:
                soaked.samples.append(_sample(service, time.monotonic() - began, set(idle)))
                time.sleep(SAMPLE_S)
        finally:
            end(load, grace_s=10.0)
        _read(Path(folder) / "soak_stats.csv", soaked)
        for line in service.problems()[:5]:
            print("problem:", line[:300])
    return soaked


def _config(endpoint: str) -> dict[str, object]:
    config: dict[str, object] = config_for(endpoint, TRIALS).model_dump(mode="json", exclude_none=True)
    return {**config, "executor": {"type": "hfi", "endpoint": endpoint, "timeout_s": 60}}


def _sample(service: Served, at_s: float, idle: set[str]) -> Sample:
    memory = {role: sum(mb) for role, mb in service.memory_mb().items() if role != SESSIONS}
    cpu, targets = service.cpu_s(), _targets(service.data)
    kinds = {pid: "idle" if targets[pid] in idle else "active" for pid in targets.keys() & cpu.keys()}
    return Sample(at_s, memory, {(kind, pid): cpu[pid] for pid, kind in kinds.items()})


def _targets(data: Path) -> dict[int, str]:
    """The target of each process that runs a session."""
    found = {}
    for path in (data / "sessions").glob("*/session.json"):
        folder = SessionFolder(path.parent)
        pid = folder.holder()
        if pid is not None:
            found[pid] = str(folder.session()["config"]["executor"]["endpoint"])
    return found


def _read(path: Path, soaked: Soaked) -> None:
    with path.open(newline="") as file:
        [whole] = [row for row in csv.DictReader(file) if row["Name"] == "Aggregated"]
    soaked.requests, soaked.failures = int(whole["Request Count"]), int(whole["Failure Count"])
    soaked.p95_ms = float(whole["95%"])


def told(soaked: Soaked, minutes: float) -> Table:
    """The figures, beside what is aimed at."""
    available = 100 * (1 - soaked.failures / max(1, soaked.requests))
    rows = [
        ("answers without an error, %", f"{available:.3f}{'' if available >= 99.9 else ' missed'}", "≥ 99.9"),
        ("requests", str(soaked.requests), ""),
        ("their 95th percentile, /ready included, ms", f"{soaked.p95_ms:.0f}", ""),
    ]
    warm = [sample for sample in soaked.samples if sample.at_s >= WARM * minutes * 60]
    for role in sorted({role for sample in warm for role in sample.memory_mb}):
        grows = _slope_per_hour(role, warm)
        told_mb = "too short to tell" if minutes < LEAST_MINUTES else f"{grows:.0f}{missed(grows, FLAT_MB_PER_HOUR)}"
        rows.append((f"memory of {role}, MB PSS at the end", f"{warm[-1].memory_mb.get(role, 0):.0f}", ""))
        rows.append((f"  grows, MB an hour: {role}", told_mb, f"< {FLAT_MB_PER_HOUR:g}"))
    for kind, aim in (("active", 50.0), ("idle", 5.0)):
        share = _share(kind, soaked.samples)
        rows.append((f"of a core, a session that is {kind}, %", f"{share:.1f}{missed(share, aim)}", f"< {aim:g}"))
    heads = ("", "", "aim")
    return Table(f"{ACTIVE + IDLE} sessions at any time for {minutes:g} minutes", heads, tuple(rows))


def _slope_per_hour(role: str, samples: Sequence[Sample]) -> float:
    known = [(sample.at_s / 3600, sample.memory_mb[role]) for sample in samples if role in sample.memory_mb]
    if len(known) < 3:
        return 0.0
    return float(np.polyfit(*zip(*known, strict=True), 1)[0])


def _share(kind: str, samples: Sequence[Sample]) -> float:
    """What processes of sessions of this kind take of a core, median over all that were seen twice in a row, %."""
    shares = [
        100 * (after.cpu_s[key] - before.cpu_s[key]) / (after.at_s - before.at_s)
        for before, after in pairwise(samples)
        for key in before.cpu_s.keys() & after.cpu_s.keys()
        if key[0] == kind
    ]
    return float(np.median(shares)) if shares else 0.0


if __name__ == "__main__":
    main()
