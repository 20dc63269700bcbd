"""The worker as a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.environment import bare_environment

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """The worker's process; it can be killed and started again."""

    def __init__(self, data, api_url):
        self.data, self.api_url = data, api_url
        self.log = data / "worker.log"
        self.start()

    def start(self):
        environment = {
            **bare_environment(),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_HOME": str(self.data / "home"),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deployments.worker", str(self.data)],
                cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def end(self, number=signal.SIGTERM, timeout=60):
        self.process.send_signal(number)
        self.process.wait(timeout)

    def close(self):
        if self.process.poll() is None:
            self.end()
        print(self.log.read_text())
