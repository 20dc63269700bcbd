"""Sessions as pods: Prefect's own Kubernetes worker, keeper and pods as processes, all as the manifests have them.

The cluster is a stand-in that keeps to the manifests' Roles; Prefect's server and the control plane are real.
"""

import os
import signal
import subprocess
import time

import httpx
import pytest
from flow_runs import FlowRuns, ended, made_trials, trials, until
from hfi_landscape import landscape
from manifests import Manifests
from services import free_port
from stand_in_cluster import StandInCluster

from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.table import open_injector
from boifi_core.models import SessionStatus
from boifi_core.session.stored import stored_config

pytestmark = pytest.mark.system


def slow(server, seconds):
    def respond(faults):
        time.sleep(seconds if faults else 0)
        return landscape(faults)

    server.respond = respond


class Deployed:
    """The dev overlay's processes: Prefect's server on SQLite, keeper and worker; sessions as pods of theirs."""

    def __init__(self, place, data):
        self.place, self.data = place, data
        self.containers = {
            container["name"]: container for _, pod in Manifests().pods() for container in pod["spec"]["containers"]
        }
        prefect_port, self.health_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{prefect_port}/api"
        self.cluster = StandInCluster(
            place,
            {"PREFECT_API_URL": self.url, "PREFECT_HOME": str(place / "home"), "BOIFI_DATA": str(data),
             "BOIFI_ALLOWED_TARGETS": "loopback"},
        )  # fmt: skip
        self.processes = {
            "prefect": self.run(
                {**self.containers["prefect"],
                 "args": ["--host", "127.0.0.1", "--port", str(prefect_port), "--log-level", "warning"]},
                PREFECT_SERVER_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{place / 'prefect.db'}",
                PREFECT_UI_STATIC_DIRECTORY=str(place / "ui"), PREFECT_SERVER_API_AUTH_STRING="boifi:boifi",
            )
        }  # fmt: skip
        self.http = httpx.Client(base_url=self.url, timeout=30, auth=("boifi", "boifi"))
        until(lambda: self.answers("/health"), 120, "Prefect's server")
        self.processes |= {name: self.start(name) for name in ("keeper", "worker")}

    def run(self, container, **changes):
        return self.cluster.run(container["name"], container["name"], container, **changes)

    def start(self, name):
        ports = {"PREFECT_WORKER_WEBSERVER_PORT": str(self.health_port)} if name == "worker" else {}
        kubeconfig = str(self.cluster.kubeconfig(f"boifi-{name}"))
        return self.run(self.containers[name], KUBECONFIG=kubeconfig, **ports)

    def answers(self, path):
        try:
            return self.http.get(path).is_success
        except httpx.HTTPError:
            return False

    def is_ready(self):
        """What the facade's /ready asks of Prefect: our deployment, and a live worker of its pool."""
        if not self.answers("/deployments/name/session/boifi"):
            return False
        workers = self.http.post("/work_pools/boifi/workers/filter", json={}).json()
        return any(worker["status"] == "ONLINE" for worker in workers)

    def close(self):
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        self.cluster.close()
        self.http.close()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    place, data = tmp_path_factory.mktemp("cluster"), tmp_path_factory.mktemp("data")
    deployed = Deployed(place, data)
    yield deployed
    deployed.close()
    print(deployed.cluster.log())


@pytest.fixture(scope="module")
def runs(deployed):
    until(deployed.is_ready, 120, "keeper and worker")
    runs = FlowRuns(deployed.url, deployed.data)
    runs.http.auth = ("boifi", "boifi")
    return runs


def pod_of(deployed, before):
    """The latest pod, once there are more than `before`."""
    until(lambda: len(deployed.cluster.pods) > before, 60, "a pod")
    return list(deployed.cluster.pods)[-1]


def test_a_session_is_a_pod_and_its_job_is_done(deployed, runs, hfi, session_data):
    folder = runs.start(session_data(hfi.url, total_trials=4, initial_points=4))
    state = ended(folder, 120)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 4 trials made")
    assert [trial.trial for trial in trials(folder)] == [1, 2, 3, 4]
    assert hfi.active() == {}
    until(lambda: runs.state(folder) == "COMPLETED", 30, "COMPLETED in Prefect")
    pod = list(deployed.cluster.pods)[-1]
    assert runs.run(folder)["infrastructure_pid"] == f"boifi:{pod}"
    assert deployed.cluster.pods[pod].wait(30) == 0
    # What the probes ask.
    assert httpx.get(f"http://127.0.0.1:{deployed.health_port}/health").is_success
    assert time.time() - (deployed.place / "keeper" / "boifi-keeper").stat().st_mtime < 120
    pool = deployed.http.get("/work_pools/boifi").json()
    assert (pool["type"], pool["concurrency_limit"]) == ("kubernetes", 4)


def test_a_session_whose_pod_is_killed_goes_on_in_another_on_the_same_flow_run(deployed, runs, hfi, session_data):
    slow(hfi, 0.5)
    before = len(deployed.cluster.pods)
    folder = runs.start(session_data(hfi.url, total_trials=8, initial_points=8))
    first = pod_of(deployed, before)
    made_trials(folder, 2)
    until(hfi.active, 20, "a fault")
    os.kill(deployed.cluster.pods[first].pid, signal.SIGKILL)
    # The worker sees that the job has failed.
    until(lambda: runs.state(folder) == "CRASHED", 30, "CRASHED in Prefect")
    assert ended(folder, 120).reason == "all 8 trials made"
    assert [trial.trial for trial in trials(folder)] == list(range(1, 9))
    assert hfi.active() == {}
    assert len(deployed.cluster.pods) == before + 2
    until(lambda: runs.state(folder) == "COMPLETED", 30, "COMPLETED in Prefect")


def test_a_pod_that_is_evicted_removes_its_fault_and_the_session_goes_on(deployed, runs, hfi, session_data):
    slow(hfi, 30)
    before = len(deployed.cluster.pods)
    folder = runs.start(session_data(hfi.url, total_trials=3, initial_points=3, executor={"timeout_s": 60}))
    first = pod_of(deployed, before)
    until(hfi.active, 60, "a fault")
    deployed.cluster.pods[first].terminate()
    deployed.cluster.pods[first].wait(90)
    assert hfi.active() == {}
    assert folder.state().reason.startswith("interrupted")
    slow(hfi, 0)
    assert ended(folder, 120).reason == "all 3 trials made"
    assert len(deployed.cluster.pods) == before + 2


def test_a_cancel_in_prefect_breaks_the_trial_off_in_its_pod(deployed, runs, hfi, session_data):
    slow(hfi, 30)
    before = len(deployed.cluster.pods)
    folder = runs.start(session_data(hfi.url, executor={"timeout_s": 60}))
    pod_of(deployed, before)
    until(hfi.active, 60, "a fault")
    runs.cancel(folder)
    until(lambda: not hfi.active(), 30, "the fault's end")
    state = ended(folder, 60)
    assert (state.status, state.reason) == (SessionStatus.FAILED, "cancelled")
    until(lambda: runs.state(folder) == "CANCELLED", 30, "CANCELLED in Prefect")
    assert len(deployed.cluster.pods) == before + 1


def test_the_sweeper_removes_what_a_dead_session_left(deployed, runs, hfi, session_data):
    folder = runs.start(session_data(hfi.url, total_trials=2, initial_points=2))
    ended(folder, 120)
    left = f"boifi-{folder.session_id[:8]}-0009"
    injector = open_injector(stored_config(folder).executor)
    injector.apply(left, FaultPlan(fault_type="abort", abort_status_code=500, duration_seconds=300), timeout_s=5)
    injector.close()
    assert left in hfi.active()
    assert deployed.run(deployed.containers["sweeper"]).wait(120) == 0
    assert hfi.active() == {}


def test_nobody_asked_the_cluster_for_more_than_the_roles_allow(deployed, runs):
    # What the worker would post beside its log is not missed.
    assert set(deployed.cluster.refused) <= {"boifi-worker: create events "}
