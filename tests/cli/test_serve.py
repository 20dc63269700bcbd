"""`boifi serve` from outside: the whole service in its own processes, killed piece by piece and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from flow_runs import ended, kill_holder, made_trials, trials, until
from hfi_landscape import landscape
from hfi_server import HfiServer

from boifi_core.folder import SessionFolder
from boifi_core.models import SessionStatus

ROOT = Path(__file__).resolve().parents[2]
SESSIONS = "/v1/optimization/sessions"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """`boifi serve` on a free port; ended and started again at will."""

    def __init__(self, data):
        self.data, self.port = data, free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "BOIFI_"))}
        with (self.data / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "serve", "--port", str(self.port), "--out", str(self.data)],
                cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def until_ready(self):
        until(self.is_ready, 120, f"ready; {(self.data / 'serve.log').read_text()[-2000:]}")

    def is_ready(self):
        try:
            return self.http.get("/ready").is_success
        except httpx.HTTPError:
            return False

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(90)

    def children(self):
        """The service's own processes by what they are: `worker`, `facade`, `prefect`."""
        kinds = {"deployments.worker": "worker", "api.front": "facade", "deployments.prefect_server": "prefect"}
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = {}
        for pid in tasks:
            command = Path(f"/proc/{pid}/cmdline").read_text()
            found |= {kind: int(pid) for part, kind in kinds.items() if part in command}
        return found

    def create(self, config):
        """Ask for a session over REST; returns its folder."""
        answer = self.http.post(SESSIONS, json=config)
        assert answer.status_code == 202, answer.text
        return SessionFolder(self.data / "sessions" / answer.json()["session_id"])


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("served"))
    service.start()
    service.until_ready()
    yield service
    if service.process.poll() is None:
        service.end()


@pytest.fixture
def targets():
    """Makes control planes whose observations take some time."""
    with ExitStack() as stack:

        def make(seconds):
            server = stack.enter_context(HfiServer())
            server.respond = lambda faults: time.sleep(seconds if faults else 0) or landscape(faults)
            return server

        yield make


def whole(folder, count):
    """The session made all its trials, each once."""
    state = ended(folder, 120)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, f"all {count} trials made")
    assert [t.trial for t in trials(folder)] == list(range(1, count + 1))


def test_a_session_over_rest_is_made_by_the_worker_and_ends_completed(service, targets, session_data):
    hfi = targets(0)
    folder = service.create(session_data(hfi.url, total_trials=4, initial_points=4))
    whole(folder, 4)
    until(lambda: service.http.get(f"{SESSIONS}/{folder.session_id}").json()["status"] == "COMPLETED", 20, "COMPLETED")
    assert hfi.active() == {}


def test_whatever_is_killed_every_session_makes_every_trial_once(service, targets, session_data):
    planes = [targets(0.5) for _ in range(3)]
    few = {"total_trials": 20, "initial_points": 20}
    folders = [service.create(session_data(plane.url, **few)) for plane in planes]
    for folder in folders:
        made_trials(folder, 1, 90)
    for kind in ("facade", "worker", "prefect"):
        before = service.children()[kind]
        os.kill(before, signal.SIGKILL)
        until(lambda k=kind, b=before: service.children().get(k, b) != b, 20, f"another {kind}")
    kill_holder(folders[0], signal.SIGKILL)
    for folder in folders:
        whole(folder, 20)
    assert [plane.active() for plane in planes] == [{}, {}, {}]
    service.until_ready()


def test_sigterm_removes_the_faults_and_the_next_start_goes_on(service, targets, session_data):
    plane = targets(0.5)
    folder = service.create(session_data(plane.url, total_trials=8, initial_points=8))
    made_trials(folder, 2, 60)
    until(plane.active, 20, "a fault")
    assert service.end() == 0
    assert plane.active() == {}
    assert folder.state().reason.startswith("interrupted")
    service.start()
    whole(folder, 8)
    assert plane.active() == {}


@pytest.mark.timeout(400)
def test_a_killed_service_leaves_no_process_and_goes_on_when_it_is_started_again(service, targets, session_data):
    plane = targets(0.5)
    service.until_ready()
    folder = service.create(session_data(plane.url, total_trials=10, initial_points=10))
    made_trials(folder, 2, 60)
    children = service.children().values()
    service.end(signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in children), 70, "the end of all")
    assert plane.active() == {}
    service.start()
    whole(folder, 10)
    assert plane.active() == {}


def test_what_it_cannot_begin_with_is_one_line(service, boifi):
    in_use = boifi("serve", "--port", service.port, check=2)
    assert in_use.stderr == f"error: --port: must be free on 127.0.0.1, got {service.port}\n"
    beyond = boifi("serve", "--host", "0.0.0.0", "--port", free_port(), check=2)
    assert "host" in beyond.stderr
    assert beyond.stderr.count("\n") == 1
    taken = boifi("serve", "--port", free_port(), "--out", service.data, check=1)
    assert taken.stderr == f"error: another boifi serve has {service.data}\n"
