"""The service with five sessions, on a machine that stops its processes for a minute each, and whose disk fills up."""

import os
import signal
import time
from contextlib import ExitStack, contextmanager

import pytest
from flow_runs import ended, made_trials, trials, until
from hfi_landscape import landscape
from hfi_server import HfiServer
from services import Service
from small_disk import small_disk

from boifi_core.models import SessionStatus, TrialStatus

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

TRIALS = 40
STOPPED_S = 60.0


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", size_mib=256) as disk:
        yield disk


@pytest.fixture
def service(disk, used_home, tmp_path):
    data = disk.path / "data"
    data.mkdir()
    used_home(data / "service")
    service = Service(data, home=tmp_path)
    service.start()
    service.until_ready()
    yield service
    service.close()


@pytest.fixture
def planes():
    with ExitStack() as stack:
        servers = [stack.enter_context(HfiServer()) for _ in range(5)]
        for server in servers:
            server.respond = lambda faults: time.sleep(0.5 if faults else 0.1) or landscape(faults)
        yield servers


@pytest.fixture
def five(service, planes, session_data):
    """Five sessions, each with a target of its own, that have begun; those that hurt wait for the target's recovery."""
    short = {"recovery": {"after_severity": 0, "timeout_s": 10}, "executor": {"timeout_s": 5}}
    folders = [service.create(session_data(plane.url, total_trials=TRIALS, **short)) for plane in planes]
    for folder in folders:
        made_trials(folder, 2, 120)
    return folders


@contextmanager
def stopped(pids):
    """These stand still for as long as this lasts."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def all_whole(folders, planes):
    for folder in folders:
        state = ended(folder, 400)
        assert (state.status, state.reason) == (SessionStatus.COMPLETED, f"all {TRIALS} trials made")
        made = trials(folder)
        assert [trial.trial for trial in made] == list(range(1, TRIALS + 1))
        assert {trial.status for trial in made} == {TrialStatus.SCORED}, [trial.reason for trial in made]
    assert [plane.active() for plane in planes] == [{}] * 5


@pytest.mark.parametrize("kind", ["sessions", "worker", "prefect", "facade"])
def test_whatever_is_stopped_for_a_minute_no_session_fails_and_no_trial_is_lost(service, planes, five, kind):
    pids = [folder.holder() for folder in five] if kind == "sessions" else [service.children()[kind]]
    with stopped(pids):
        time.sleep(STOPPED_S)
    all_whole(five, planes)
    service.until_ready()
    until(lambda: [service.get(folder)["status"] for folder in five] == ["COMPLETED"] * 5, 60, "COMPLETED over REST")


@pytest.mark.parametrize("seconds", [15, 120])
def test_a_disk_that_is_full_for_a_while_fails_no_session_and_costs_no_trial(service, planes, five, disk, seconds):
    disk.fill()
    until(lambda: service.log().count("cannot be written: No space left") >= 1, 60, "a session that waits")
    time.sleep(seconds)
    assert [plane.active() for plane in planes] == [{}] * 5
    made = [len(trials(folder)) for folder in five]
    time.sleep(3)
    assert [len(trials(folder)) for folder in five] == made
    disk.free()
    all_whole(five, planes)
    until(lambda: [service.get(folder)["status"] for folder in five] == ["COMPLETED"] * 5, 60, "COMPLETED over REST")
