"""The target as a process: how it starts, and that it always ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from loopback import free_port

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.observers.otlp.receiver import OtlpReceiver
from demo.target import start_target

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-m", "demo", "--port", "0"]
HOLDER = (
    "import sys, time\nfrom demo.target import start_target\n"
    "with start_target() as target:\n    print(target.pid, flush=True)\n    time.sleep(60)\n"
)


def children(pid):
    """The process and all below it, by /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found = {pid} & set(parents)
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def still_running(pids):
    return {pid for pid in pids if pid in children(pid)}


def wait_until_gone(pids, limit_s=2.5):
    end = time.monotonic() + limit_s
    while left := still_running(pids):
        assert time.monotonic() < end, f"{left} still run after {limit_s} s"
        time.sleep(0.02)


def folder_of(pid):
    """The target's folder, from its shop's command line."""
    for child in children(pid):
        words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        if "--folder" in words:
            return Path(words[words.index("--folder") + 1])
    raise AssertionError(f"{pid} has no shop")


def listening(port):
    """The address that somebody listens on at this port, by /proc."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        host, _, found = address.partition(":")
        if state == "0A" and int(found, 16) == port:
            return socket.inet_ntoa(int(host, 16).to_bytes(4, "little"))
    return None


def started(command=COMMAND):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    line = process.stdout.readline()
    assert line, process.stderr.read().decode()
    return process, line


def test_it_says_where_it_is_and_serves_there():
    port = free_port()
    with start_target(port) as target:
        assert target.control_plane == f"http://127.0.0.1:{port}"
        assert httpx.get(f"{target.control_plane}/v1/ready").status_code == 200
        assert httpx.get(target.shop).status_code == 200
        assert target.shop.startswith("http://127.0.0.1:")
        assert len(children(target.pid)) == 3  # itself, the shop, Envoy
        pids, folder = children(target.pid), folder_of(target.pid)
    assert not still_running(pids)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("number", "more", "host"),
    [(signal.SIGTERM, [], "127.0.0.1"), (signal.SIGINT, ["--host", "0.0.0.0"], "0.0.0.0")],
)
def test_it_listens_where_it_is_told_and_a_signal_ends_it_cleanly(number, more, host):
    process, line = started([*COMMAND, *more])
    told = json.loads(line)
    assert set(told) == {"control_plane", "shop", "pid"}
    assert told["pid"] == process.pid
    port = int(told["control_plane"].rpartition(":")[2])
    assert listening(port) == host
    pids, folder = children(process.pid), folder_of(process.pid)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, b"", b"")
    wait_until_gone(pids)
    assert not folder.exists()


def test_nothing_is_left_when_its_owner_is_killed():
    holder, line = started([sys.executable, "-c", HOLDER])
    pids, folder = children(int(line)), folder_of(int(line))
    assert len(pids) == 3
    holder.kill()
    holder.communicate(timeout=10)
    wait_until_gone(pids)
    assert not folder.exists()


def test_nothing_is_left_when_it_is_killed_itself():
    process, _ = started()
    pids, folder = children(process.pid), folder_of(process.pid)
    process.kill()
    process.communicate(timeout=10)
    wait_until_gone(pids)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def test_it_ends_with_its_owner_without_the_kernels_help_too():
    process = subprocess.Popen(
        [*COMMAND, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    process.stdout.readline()
    pids = children(process.pid)
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()
    wait_until_gone(pids)


def test_it_may_be_started_in_a_thread_that_ends():
    holding, done = threading.Event(), threading.Event()
    alive = []

    def hold():
        with start_target() as target:
            alive.append(target)
            holding.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(20)
    time.sleep(0.2)
    assert httpx.get(f"{alive[0].control_plane}/v1/health").status_code == 200
    done.set()
    thread.join()
    assert not still_running({alive[0].pid})


def test_a_port_in_use_is_one_line_and_exit_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND[:-1], str(port)], capture_output=True, text=True, cwd=ROOT, timeout=30, check=False
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"port {port}: already in use\n"
        with pytest.raises(InvalidInput, match=rf"^port {port}: already in use$"), start_target(port):
            pytest.fail("it started")


def test_the_shop_has_the_port_that_it_is_given_or_says_that_it_is_in_use():
    port = free_port()
    with start_target(shop_port=port) as target:
        assert target.shop == f"http://127.0.0.1:{port}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"^port {port}: already in use$"), start_target(shop_port=port):
            pytest.fail("it started")


def test_a_start_that_takes_too_long_is_an_error_and_leaves_nothing():
    with pytest.raises(BoifiError, match="did not start"), start_target(timeout_s=0.01):
        pytest.fail("it started")


def test_it_can_be_a_control_plane_that_only_injects():
    receiver = OtlpReceiver()
    try:
        endpoint = f"http://127.0.0.1:{receiver.port}"
        with start_target(observations=False, otlp_endpoint=endpoint) as target:
            assert httpx.get(f"{target.control_plane}/v1/observations/latest").status_code == 404
            trace_id, parent_id = os.urandom(16), os.urandom(8)
            traceparent = f"00-{trace_id.hex()}-{parent_id.hex()}-01"
            httpx.get(f"{target.shop}/product/1", headers={"traceparent": traceparent})
            below = {"catalogue", "pricing", "inventory", "warehouse", "reviews", "recommendations", "profiles"}
            services = {"envoy", "gateway", *below}
            limit = time.monotonic() + 3
            receiver.store.wait_until(
                lambda traces: 0 if trace_id in traces and traces[trace_id].came.keys() >= services else limit
            )
            assert {each.service for each in receiver.store.take([trace_id])[trace_id]} == services
    finally:
        receiver.close()


def test_ready_tells_when_a_part_has_ended():
    with start_target() as target:
        for child in children(target.pid) - {target.pid}:
            if b"envoy" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)
        end = time.monotonic() + 3
        while httpx.get(f"{target.control_plane}/v1/ready").status_code == 200:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert httpx.get(f"{target.control_plane}/v1/health").status_code == 200
