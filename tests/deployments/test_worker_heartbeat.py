"""Whether Prefect has heard of this machine's worker."""

import os
import subprocess
import sys

import httpx
import pytest
from services import ROOT

from deployments.names import WORK_POOL, worker_name
from deployments.worker_heartbeat import is_heard


def asked(api_url):
    environment = {**os.environ, "PREFECT_API_URL": api_url}
    command = [sys.executable, "-m", "deployments.worker_heartbeat"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_of_a_worker_that_told_of_itself_and_of_no_other(prefect_server):
    with httpx.Client(base_url=prefect_server) as http:
        http.post("/work_pools/", json={"name": WORK_POOL, "type": "process"})  # it may be there
        others = asked(prefect_server)
        beat = {"name": worker_name(1), "heartbeat_interval_seconds": 10}
        http.post(f"/work_pools/{WORK_POOL}/workers/heartbeat", json=beat).raise_for_status()
        try:
            assert (asked(prefect_server).returncode, others.returncode) == (0, 1)
            assert others.stdout == "Prefect has not heard of this machine's worker lately\n"
        finally:
            http.delete(f"/work_pools/{WORK_POOL}/workers/{worker_name(1)}").raise_for_status()


def test_where_prefect_does_not_answer_it_is_not():
    said = asked("http://127.0.0.1:1/api")
    assert said.returncode == 1
    assert "Prefect cannot be asked" in said.stdout


@pytest.mark.parametrize(
    ("worker", "heard"),
    [
        ({"name": worker_name(7), "status": "ONLINE"}, True),
        ({"name": worker_name(7), "status": "OFFLINE"}, False),
        ({"name": "boifi elsewhere 7", "status": "ONLINE"}, False),
    ],
)
def test_it_is_the_worker_of_this_machine_that_counts(worker, heard):
    assert is_heard([worker]) is heard
