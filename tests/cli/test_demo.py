"""The embedded target and the demo from outside: real Envoy, real Prefect server, nothing left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pandas as pd
import pytest
import yaml
from loopback import free_port

from demo.target import start_target

ROOT = Path(__file__).resolve().parents[2]


def descendants(pid):
    """All processes below `pid`."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(child) for child in children] + [below for child in children for below in descendants(int(child))]


def until_the_second_trial(process):
    read = []
    for line in process.stdout:
        read.append(line)
        if re.match(r" *2/50 ", line):
            return
    pytest.fail("".join(read))


def gone(pids, within_s=10):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def leftovers(environment):
    """The target's folders that are left, in a temporary folder that is this test's own."""
    # Not below tmp_path: the paths of sockets must be short.
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        environment["TMPDIR"] = folder
        yield lambda: [path.name for path in Path(folder).iterdir() if path.is_dir()]


@pytest.fixture
def start(environment):
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *map(str, arguments)], cwd=ROOT, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


@pytest.mark.alone
def test_the_demo_finds_faults_and_leaves_only_its_data(boifi, tmp_path, leftovers):
    done = boifi("demo", "--trials", 8, "--seed", 3, "--out", tmp_path / "out", check=0)
    assert "BOIFI demo" in done.stdout
    assert "COMPLETED: all 8 trials made. 8 trials, 8 of them scored." in done.stdout
    assert "report" in done.stdout
    assert done.stderr == ""
    (folder,) = (tmp_path / "out" / "sessions").iterdir()
    assert list(pd.read_parquet(folder / "history")["trial"]) == list(range(9)), "the settling trial before the eight"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"sessions", "prefect"}
    assert leftovers() == []
    # The shop is started again for a replay, where the session had it.
    again = boifi("replay", folder.name, 8, "--out", tmp_path / "out")
    assert again.returncode in (0, 4), again.stderr
    assert "again (trial 9)" in again.stdout
    assert leftovers() == []


@pytest.mark.long
@pytest.mark.usefixtures("used_data_dir")
def test_kill_9_of_the_demo_leaves_no_process_and_no_envoy(start, leftovers):
    process = start("demo", "--trials", 50)
    until_the_second_trial(process)
    below = descendants(process.pid)
    assert len(below) >= 4, "target, shop, Envoy and Prefect server"
    process.kill()
    assert gone(below)
    assert leftovers() == []


@pytest.mark.slow
@pytest.mark.usefixtures("used_data_dir")
def test_ctrl_c_ends_the_demo_after_the_running_trial(start):
    process = start("demo", "--trials", 50)
    until_the_second_trial(process)
    below = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "COMPLETED: stopped." in out
    assert gone(below)


def test_target_up_serves_until_ctrl_c(start):
    port = free_port()
    process = start("target", "up", "--port", port)
    line = process.stdout.readline()
    assert line.split() == ["control", "plane", f"http://127.0.0.1:{port}"]
    assert httpx.get(f"http://127.0.0.1:{port}/v1/health").json() == {"status": "healthy"}
    below = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert gone(below)


def test_target_up_on_a_port_in_use(boifi):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = boifi("target", "up", "--port", port)
    assert done.returncode == 2
    assert done.stderr == f"error: port {port}: already in use\n"


def test_a_stock_control_plane_and_our_own_probe(boifi_here, tmp_path):
    """Injection by a control plane without observations; traffic and traces are ours."""
    otlp_port = free_port()
    with start_target(observations=False, otlp_endpoint=f"http://127.0.0.1:{otlp_port}") as target:
        data = yaml.safe_load((ROOT / "examples" / "one-fault.yaml").read_text())
        data["executor"]["endpoint"] = target.control_plane
        # Where the machine is busy the shop is slow: that must pass for its steady state.
        data["analyzer"] = {"baseline_latency_ms": 5000, "threshold_latency_ms": 9000}
        path = tmp_path / "session.yaml"
        path.write_text(yaml.safe_dump(data))
        done = boifi_here("run", path, "--trials", 4)
        assert done.returncode == 1
        assert "name an observer in the session file" in done.stdout
        data["observer"] = {
            "type": "probe",
            "requests": [{"url": f"{target.shop}/"}, {"url": f"{target.shop}/product/1", "weight": 2}],
            "count": 12,
            "traces": {"type": "otlp", "port": otlp_port, "quiet_s": 0.5},
        }
        path.write_text(yaml.safe_dump(data))
        boifi_here("run", path, "--trials", 6, "--out", tmp_path / "probed", check=0)
        assert httpx.get(f"{target.control_plane}/v1/policies").json() == {"policies": []}
    (folder,) = (tmp_path / "probed" / "sessions").iterdir()
    history = pd.read_parquet(folder / "history").query("trial > 0")
    assert set(history["status"]) == {"scored"}
    traces = [json.loads(observation)["traces"] for observation in history["observation"]]
    assert all(json.loads(trace)["spans"] for kinds in traces for trace in kinds.values())
