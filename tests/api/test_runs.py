"""Sessions become flow runs of a real Prefect, however late that comes."""

import asyncio
import json
import os
import socket

import httpx
import pytest
from facades import REQUEST, SESSIONS, facade, refused, wait_for

POOL = "api-tests"


@pytest.fixture
def deployment(prefect_server):
    """A deployment of the name that the facade looks for, on a pool without workers. Both are removed after."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    async def make():
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
            flow_id = await client.create_flow_from_name("session")
            return await client.create_deployment(flow_id, "boifi", work_pool_name=POOL)

    async def remove(deployment_id):
        async with get_client() as client:
            await client.delete_deployment(deployment_id)
            await client.delete_work_pool(POOL)

    deployment_id = asyncio.run(make())
    yield deployment_id
    asyncio.run(remove(deployment_id))


def worker_is_alive():
    """Say what a worker of the pool says every now and then."""
    beat = {"name": "one", "heartbeat_interval_seconds": 30}
    url = f"{os.environ['PREFECT_API_URL']}/work_pools/{POOL}/workers/heartbeat"
    httpx.post(url, json=beat, trust_env=False).raise_for_status()


def runs_of(session_id):
    """The flow runs that are tagged with a session."""
    wanted = {"flow_runs": {"tags": {"all_": [f"session:{session_id}"]}}, "limit": 10}
    answer = httpx.post(f"{os.environ['PREFECT_API_URL']}/flow_runs/filter", json=wanted, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def test_a_session_is_a_flow_run_and_either_tells_the_other(tmp_path, deployment):
    worker_is_alive()
    with facade(tmp_path) as api:
        wait_for(lambda: api.get("/ready").status_code == 200)
        assert api.get("/ready").json() == {"status": "ready"}
        created = api.post(SESSIONS, json=REQUEST).json()
        folder = tmp_path / "sessions" / created["session_id"]
        wait_for(lambda: api.get(created["links"]["self"]).json()["links"]["prefect"], timeout_s=30)
        link = api.get(created["links"]["self"]).json()["links"]["prefect"]
    [run] = runs_of(created["session_id"])
    assert json.loads((folder / "run.json").read_text()) == {"flow_run_id": run["id"]}
    assert link.endswith(f"/runs/flow-run/{run['id']}")
    assert run["name"] == f"ratings-delay {created['session_id'][:8]} on 127.0.0.1:8080"
    assert run["parameters"] == {"folder": str(folder)}
    assert run["deployment_id"] == str(deployment)


def test_a_session_asked_for_while_prefect_is_away_is_started_once_when_it_comes(tmp_path, deployment, monkeypatch):
    url = os.environ["PREFECT_API_URL"]
    monkeypatch.delenv("PREFECT_API_URL")
    with facade(tmp_path) as api:
        created = api.post(SESSIONS, json=REQUEST).json()
        wait_for(lambda: "not started yet" in (api.get(created["links"]["self"]).json()["reason"] or ""))
        refused(api.get("/ready"), 503, "not_ready")
    monkeypatch.setenv("PREFECT_API_URL", url)
    for _ in range(2):  # a restart in between makes no second one
        with facade(tmp_path) as api:
            wait_for(lambda: api.get(created["links"]["self"]).json()["links"]["prefect"], timeout_s=30)
    assert len(runs_of(created["session_id"])) == 1
    (tmp_path / "sessions" / created["session_id"] / "run.json").unlink()  # a crash just after the run was made
    with facade(tmp_path) as api:
        wait_for(lambda: api.get(created["links"]["self"]).json()["links"]["prefect"], timeout_s=30)
    assert len(runs_of(created["session_id"])) == 1


def test_without_a_deployment_the_facade_is_not_ready(tmp_path, prefect_server):
    with facade(tmp_path) as api:
        wait_for(lambda: "no deployment session/boifi" in api.get("/ready").text, timeout_s=30)


def test_without_a_worker_that_is_alive_the_facade_is_not_ready(tmp_path, deployment):
    with facade(tmp_path) as api:
        wait_for(lambda: f"no worker of the work pool {POOL} is alive" in api.get("/ready").text, timeout_s=30)


def test_a_prefect_that_hangs_is_given_up_before_the_facade_has_to_end(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/api")
        with facade(tmp_path) as api:
            told = "Prefect does not answer: no answer in time"
            wait_for(lambda: told in api.get("/ready").text, timeout_s=30)
