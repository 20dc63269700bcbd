"""Prefect's own process worker carries out the same flow, unchanged."""

import subprocess
import sys

import httpx
import pytest
from flow_runs import FlowRuns, ended, trials, until
from hfi_server import HfiServer

from benchmarks.environment import bare_environment
from boifi_core.models import SessionStatus

NAME = "stock"


@pytest.fixture
def deployed(prefect_server, tmp_path, monkeypatch):
    """The deployments as they always are, on a pool that is the process worker's; removed after."""
    import asyncio

    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    from deployments import deploy

    monkeypatch.setattr(deploy, "WORK_POOL", NAME)
    monkeypatch.setattr(deploy, "DEPLOYMENT", NAME)

    async def make():
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name=NAME, type="process"))
            await deploy.deploy(client, tmp_path, with_schedules=False)

    asyncio.run(make())
    yield
    with httpx.Client(base_url=prefect_server) as http:
        for flow in ("session", "campaign", "upkeep"):
            made = http.get(f"/deployments/name/{flow}/{NAME}").json()["id"]
            http.delete(f"/deployments/{made}").raise_for_status()
        http.delete(f"/work_pools/{NAME}").raise_for_status()


@pytest.fixture
def stock_worker(deployed, prefect_server, tmp_path):
    environment = {
        **bare_environment(),
        "BOIFI_DATA": str(tmp_path),
        "PREFECT_API_URL": prefect_server,
        "PREFECT_HOME": str(tmp_path / "home"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", NAME, "--type", "process"]
    with (tmp_path / "worker.log").open("wb") as log:
        # Not in the repository: the flow is found where BOIFI is installed.
        worker = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
        yield worker
        worker.terminate()
        worker.wait(60)
    print((tmp_path / "worker.log").read_text())


@pytest.mark.system
def test_prefects_process_worker_runs_a_session_to_its_end(stock_worker, prefect_server, tmp_path, session_data):
    runs = FlowRuns(prefect_server, tmp_path, NAME)
    with HfiServer() as hfi:
        folder = runs.start(session_data(hfi.url, total_trials=4, initial_points=4))
        state = ended(folder, 120)
        assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 4 trials made")
        assert [trial.trial for trial in trials(folder)] == [1, 2, 3, 4]
        assert hfi.active() == {}
    until(lambda: runs.state(folder) == "COMPLETED", 30, "COMPLETED in Prefect")
    assert runs.run(folder)["infrastructure_pid"]
