"""`boifi run` on a machine that stops it, or whose disk is full, for a while: it goes on as if nothing had been."""

import json
import os
import re
import signal
import time

import pandas as pd
import pytest
from command_lines import until_line, until_trial
from hfi_landscape import landscape
from small_disk import small_disk


def slow(server, seconds):
    """Make every observation take so long."""

    def respond(faults):
        time.sleep(seconds)
        return landscape(faults)

    server.respond = respond


def session_folder(data):
    (folder,) = (data / "sessions").iterdir()
    return folder


def whole(data, count):
    """Assert that the session was made to its end, each trial once and scored."""
    folder = session_folder(data)
    state = json.loads((folder / "state.json").read_text())
    assert (state["status"], state["reason"]) == ("COMPLETED", f"all {count} trials made")
    history = pd.read_parquet(folder / "history")
    assert sorted(history["trial"]) == list(range(1, count + 1))
    assert set(history["status"]) == {"scored"}
    left = [path.name for path in folder.rglob("*") if path.name.startswith(".")]
    assert left == []
    return state


def stand_still(process, seconds):
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.parametrize("while_", ["a fault is observed", "recovery is waited for", "the baseline is observed"])
def test_a_run_that_was_stopped_for_longer_than_anything_may_take_goes_on(start, session_file, hfi, tmp_path, while_):
    """Its time-outs are 2 and 7 s, and recovery has 5 s."""
    slow(hfi, 0.4)
    changes = {"executor": {"timeout_s": 2}, "recovery": {"after_severity": 0, "timeout_s": 5}, "total_trials": 6}
    process = start("run", session_file(hfi.url, **changes))
    wanted = {"a fault is observed": (1, 3), "recovery is waited for": (0, 3), "the baseline is observed": (0, 0)}
    in_force, trials = wanted[while_]
    until_line(process, r"^prefect")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        is_observed = any("observations" in request.path for request in hfi.requests("GET"))
        if len(hfi.injected()) == trials and len(hfi.active()) == in_force and is_observed:
            break
        time.sleep(0.01)
    time.sleep(0.1)
    stand_still(process, 12)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "COMPLETED: all 6 trials made" in out
    assert re.search(r"the machine was paused for 1[12] s", out)
    assert "Traceback" not in out
    whole(tmp_path / "data", 6)
    assert hfi.active() == {}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [5, 55, 60])
def test_a_run_that_was_stopped_at_any_moment_goes_on(start, session_file, hfi, tmp_path, seconds):
    slow(hfi, 0.3)
    process = start("run", session_file(hfi.url, total_trials=20, recovery={"after_severity": 0}))
    until_trial(process, 1)
    for n in range(3):
        time.sleep(0.37 * (n + 1))
        stand_still(process, seconds)
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 0, out
    whole(tmp_path / "data", 20)
    assert hfi.active() == {}


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        yield disk


WAITS = "the data dir cannot be written: No space left on device; goes on when it can be"


@pytest.mark.slow
def test_a_run_waits_for_its_disk_with_no_fault_in_force_and_goes_on(start, session_file, hfi, disk):
    slow(hfi, 0.2)
    process = start("run", session_file(hfi.url, total_trials=10), BOIFI_DATA=str(disk.path))
    until_trial(process, 3)
    disk.fill()
    assert WAITS in until_line(process, "cannot be written")
    made = len(hfi.injected())
    time.sleep(5)
    assert process.poll() is None
    assert len(hfi.injected()) == made
    assert hfi.active() == {}
    disk.free()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "cannot be written" not in out  # it is told once
    whole(disk.path, 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGINT, r"cannot .*: No space left on device"),
        (signal.SIGTERM, "interrupted"),
    ],
)
def test_a_run_that_waits_for_its_disk_can_be_ended_and_gone_on_with(
    start, boifi, session_file, hfi, disk, number, words
):
    path = session_file(hfi.url, total_trials=8)
    slow(hfi, 0.2)
    process = start("run", path, BOIFI_DATA=str(disk.path))
    until_trial(process, 3)
    disk.fill()
    until_line(process, "cannot be written")
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    last = out.strip().splitlines()[-1]
    assert re.search(words, last), out
    assert "--resume" in last
    assert "goes on with it" in last
    assert "Traceback" not in out
    assert hfi.active() == {}
    disk.free()
    process = start("run", path, "--resume", session_folder(disk.path).name, BOIFI_DATA=str(disk.path))
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    whole(disk.path, 8)


@pytest.mark.slow
def test_a_session_that_is_cancelled_while_it_waits_for_its_disk_ends(start, session_file, hfi, disk):
    slow(hfi, 0.2)
    process = start("run", session_file(hfi.url, total_trials=8), BOIFI_DATA=str(disk.path))
    until_trial(process, 3)
    disk.fill()
    until_line(process, "cannot be written")
    (session_folder(disk.path) / "cancel").touch()  # as the service does, which then sends SIGTERM
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    assert hfi.active() == {}


def test_a_new_session_on_a_full_disk_is_refused_at_once_in_one_line(boifi, session_file, hfi, disk):
    disk.fill()
    done = boifi("run", session_file(hfi.url), BOIFI_DATA=str(disk.path), check=1)
    assert re.fullmatch(r".*No space left on device.*\n", done.stderr), done.stderr
