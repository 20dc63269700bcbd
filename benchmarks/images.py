"""`python -m benchmarks.images [--write]`: how large the images are, how soon they answer, what memory they take.

Built and run by `scripts.without_engine`, as root; the services are those of docker/compose.dev.yaml. A start is from
the command that runs a container to its first answer.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks import document
from benchmarks.table import Table, show, terminal
from scripts.without_engine import ROOT, TARGETS, Container, Project, build, size_bytes

DOCUMENT = ROOT / "docs" / "performance.md"
STARTS = 5
SETTLE_S = 5.0
SIZE_AIM_MB = 500
START_AIM_S = 5.0

SLIM_MB = 130
"""What python:3.11-slim-bookworm weighs."""

FIRST_ANSWERS = {
    "prefect": "http://{prefect}:4200/api/health",
    "facade": "http://{facade}:8000/health",
    "mock-executor": "http://{mock-executor}:9090/v1/ready",
    "worker": "http://{facade}:8000/ready",
}
"""Where it shows that a service has started; the worker's last, since the facade then has all that it waits for."""

UNTIL = """
import sys, time, urllib.request
while True:
    try:
        urllib.request.urlopen(sys.argv[1], timeout=5)
        break
    except OSError:
        time.sleep(0.01)
print(time.monotonic())
"""


def measure() -> list[Table]:
    """Sizes, and starts and memory."""
    return [_sizes(), _services()]


def _sizes() -> Table:
    images = {target: build(target) for target in TARGETS}
    rows = []
    for target, image in images.items():
        above = size_bytes(image) / 1e6
        late = " missed" if above + SLIM_MB >= SIZE_AIM_MB else ""
        rows.append((f"boifi-{target}", f"{above:.0f}", f"{above + SLIM_MB:.0f}{late}", f"< {SIZE_AIM_MB}"))
    heads = ("image", "over its base", f"with python:3.11-slim-bookworm ({SLIM_MB})", "aim")
    return Table("Uncompressed size, MB", heads, tuple(rows))


def _services() -> Table:
    services = yaml.safe_load((ROOT / "docker" / "compose.dev.yaml").read_text())["services"]
    starts: dict[str, list[float]] = {name: [] for name in FIRST_ANSWERS}
    memory: dict[str, list[float]] = {name: [] for name in FIRST_ANSWERS}
    for _ in range(STARTS):
        for name, (start_s, pss_mb) in _once(services).items():
            starts[name].append(start_s)
            memory[name].append(pss_mb)
    rows = []
    for name, seconds in starts.items():
        aim = f"< {START_AIM_S:g}" if name == "facade" else ""
        missed = " missed" if aim and median(seconds) >= START_AIM_S else ""
        cells = f"{median(seconds):.1f} / {max(seconds):.1f}{missed}", aim, f"{median(memory[name]):.0f}"
        rows.append((name, *cells))
    heads = ("service", "start, s: median / slowest", "aim", "memory, MB (PSS)")
    return Table(f"Start and memory at rest, of {STARTS} starts, one service after the other", heads, tuple(rows))


def _once(services: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    project = Project(services)
    try:
        project.open()
        running = {name: _started(project, name, url) for name, url in FIRST_ANSWERS.items()}
        time.sleep(SETTLE_S)
        return {name: (start_s, _pss_mb(container)) for name, (container, start_s) in running.items()}
    finally:
        project.close()


def _started(project: Project, name: str, url: str) -> tuple[Container, float]:
    address = re.sub(r"\{([a-z-]+)\}", lambda found: project.addresses[found[1]], url)
    began = time.monotonic()
    container = project.start(name)
    command = [*project.inside, sys.executable, "-IS", "-c", UNTIL, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return container, float(done.stdout) - began


def _pss_mb(container: Container) -> float:
    told = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in container.processes()]
    return sum(int(re.search(r"^Pss:\s+(\d+)", each, re.M)[1]) for each in told) / 1e3  # type: ignore[index]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    given = parser.parse_args()
    console = terminal()
    measured = document.machine()
    tables = measure()
    show(tables, console)
    if given.write:
        document.write("images", tables, measured, DOCUMENT)


if __name__ == "__main__":
    main()
