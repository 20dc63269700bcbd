"""A Prefect server as Prefect itself starts it, with none of BOIFI's settings: one that whoever uses BOIFI may have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.environment import bare_environment
from boifi_core.child_process import end, spawn
from cli.kept_processes import is_answered
from cli.prefect_api import TELEMETRY_OFF, hold_port, url_at


@contextmanager
def stock_prefect(home: Path) -> Iterator[str]:
    """The URL of the API of such a server with its home in this folder, for as long as this lasts.

    Raises:
        RuntimeError: it did not start.
    """
    with hold_port() as free:
        port, url = free.getsockname()[1], url_at(free)
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    command = [sys.executable, "-m", "prefect", "server", "start", *options]
    environment = {**bare_environment(), **TELEMETRY_OFF, "PREFECT_HOME": str(home)}
    with (home / "server.log").open("wb") as log:
        server = spawn(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        if not is_answered(f"{url}/health", give_up=lambda: server.poll() is not None):
            raise RuntimeError(f"the Prefect server did not start: {(home / 'server.log').read_text()}")
        yield url
    finally:
        end(server, grace_s=5.0)
