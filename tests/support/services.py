"""`boifi serve` as a process of its own, and what is asked of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
from flow_runs import until
from loopback import free_port

from benchmarks.environment import bare_environment
from boifi_core.session.folder import SessionFolder

ROOT = Path(__file__).resolve().parents[2]
SESSIONS = "/v1/optimization/sessions"
KINDS = {"deployments.worker": "worker", "api.early_app": "facade", "deployments.prefect_server": "prefect",
         "boifi: worker": "worker", "boifi: facade": "facade", "boifi: prefect": "prefect"}  # fmt: skip
"""By what stands in the command line: first the program, then the title."""


class Service:
    """`boifi serve` on a free port; ended and started again at will.

    Attributes:
        variables: more environment for it.
        home: where its log lies; the data dir where nothing is said.
        headers: sent with every request.
    """

    def __init__(self, data, variables=None, headers=None, home=None):
        self.data, self.port, self.variables, self.home = data, free_port(), variables or {}, home or data
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, headers=headers)
        self.process = None

    def start(self):
        with (self.home / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "serve", "--port", str(self.port), "--out", str(self.data)],
                cwd=ROOT, env={**bare_environment(), **self.variables}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def until_ready(self):
        until(self.is_ready, 120, f"ready; {self.log()[-2000:]}")

    def log(self):
        return (self.home / "serve.log").read_text()

    def is_ready(self):
        try:
            return self.http.get("/ready").is_success
        except httpx.HTTPError:
            return False

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(90)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.end()
        self.http.close()

    def children(self):
        """The service's own processes by what they are: `worker`, `facade`, `prefect`."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = {}
        for pid in tasks:
            command = Path(f"/proc/{pid}/cmdline").read_text()
            found |= {kind: int(pid) for part, kind in KINDS.items() if part in command}
        return found

    def kill(self, kind):
        """Kill one of them, and wait for another in its place."""
        before = self.children()[kind]
        os.kill(before, signal.SIGKILL)
        until(lambda: self.children().get(kind, before) != before, 40, f"another {kind}")

    def prefect_url(self):
        """Prefect's own address."""
        return next(line.split()[1] for line in self.log().splitlines() if line.startswith("prefect "))

    def create(self, config):
        """Ask for a session over REST; returns its folder."""
        answer = self.http.post(SESSIONS, json=config)
        assert answer.status_code == 202, answer.text
        return SessionFolder(self.data / "sessions" / answer.json()["session_id"])

    def get(self, folder):
        return self.http.get(f"{SESSIONS}/{folder.session_id}").json()
