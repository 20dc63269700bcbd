"""What tests of the command share: `boifi` as a process."""

import os
import signal
import subprocess
import sys

import pytest
from command_lines import ROOT


@pytest.fixture
def start(environment, prefect_server):
    """Start `boifi` as a process of its own group; whatever is left of it at the end is killed."""
    started = []

    def start(*arguments, **changes):
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *map(str, arguments)],
            cwd=ROOT,
            env={**environment, "PREFECT_API_URL": prefect_server, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
