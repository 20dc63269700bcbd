"""Whatever is killed, stopped, filled, lost or damaged under five running sessions: each trial is made once.

A row of the table is a trouble, with what is told of it; each is tried with five new sessions.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from damage import DAMAGE
from flow_runs import ended, made_trials, trials, until
from hfi_landscape import landscape
from hfi_server import HfiServer
from services import Service

from boifi_core.models import SessionStatus

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

MANY = 24
STOPPED_S = 60
FULL_S = 15


@dataclass
class Scene:
    """What a trouble befalls: a service, its five sessions, their control planes."""

    service: Service
    folders: list
    planes: list

    def pid(self, kind):
        """The process of this kind: one of the service, that of a session, or the one that sessions are forked from."""
        if kind == "session":
            return until(self.folders[0].holder, 30, "a process that runs a session")
        if kind == "serve":
            return self.service.process.pid
        if kind == "fork server":
            worker = self.service.children()["worker"]
            return int(Path(f"/proc/{worker}/task/{worker}/children").read_text().split()[0])
        return until(lambda: self.service.children().get(kind), 30, kind)


def kill(kind):
    def trouble(scene):
        os.kill(scene.pid(kind), signal.SIGKILL)
        if kind == "serve":
            scene.service.process.wait(30)
            until(lambda: not any(plane.active() for plane in scene.planes), 70, "the end of all faults")
            until_free(scene)
            scene.service.start()

    return trouble


def stop(kind):
    def trouble(scene):
        pid = scene.pid(kind)
        os.kill(pid, signal.SIGSTOP)
        try:
            if kind == "session":
                row = until(lambda: silent(scene), 40, "that it is said")
                assert row["status"] == "RUNNING"
            time.sleep(STOPPED_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return trouble


def silent(scene):
    row = scene.service.get(scene.folders[0])
    return row if "not heard of" in (row["reason"] or "") else None


def full(scene):
    """The disk is full for a while."""
    filler = scene.service.data / "fill"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    try:
        until(lambda: not scene.service.is_ready(), 20, "that it is not ready")
        time.sleep(FULL_S)
    finally:
        filler.unlink()


def damaged(names, how, *, before=False):
    """Files of the data dir are damaged, while all runs or before it starts again; `{id}` is each session's."""

    def trouble(scene):
        if before:
            scene.service.end()
        for name in names:
            for session_id in [folder.session_id for folder in scene.folders] if "{id}" in name else [""]:
                DAMAGE[how](scene.service.data / name.format(id=session_id))
        if before:
            scene.service.start()

    return trouble


def until_free(scene):
    until(lambda: not any(folder.is_held() for folder in scene.folders), 70, "the end of the sessions' processes")


KINDS = ("facade", "worker", "fork server", "session", "prefect", "serve")
SERVICE = ("api.json", "prefect-password", "lock", "prefect.log", "profiles.toml", "memo_store.toml", "storage")
SESSION = ("run.json", "state.json", "request.json", "deaths.json", "baseline.json", "lock", "report.md", "report.html",
           "history/part-000000.parquet")  # fmt: skip
FILES = {
    "boifi.db": ("boifi.db",),
    "service/prefect.db": ("service/prefect.db",),
    "all else of the service": ("audit.jsonl", "sessions/.asked", *(f"service/{name}" for name in SERVICE)),
    "the sessions' helpers": tuple(f"sessions/{{id}}/{name}" for name in SESSION),
}
"""What is damaged at once; one by one the tests of each part try them."""

TROUBLES = {
    **{f"kill -9 {kind}": kill(kind) for kind in KINDS},
    **{f"STOP {STOPPED_S} s {kind}": stop(kind) for kind in KINDS if kind != "serve"},
    f"disk full {FULL_S} s": full,
    **{f"{what} {how}, while": damaged(names, how) for what, names in FILES.items() for how in DAMAGE},
    **{f"{what} {how}, before": damaged(names, how, before=True) for what, names in FILES.items() for how in DAMAGE},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory, used_home):
    data = tmp_path_factory.mktemp("broken")
    with ExitStack() as stack:
        if os.geteuid() == 0 and not subprocess.call(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", data]):
            stack.callback(subprocess.call, ["umount", "-l", data])
        used_home(data / "service")
        log = tmp_path_factory.mktemp("log")
        service = Service(data, home=log)
        service.start()
        stack.callback(service.close)
        service.until_ready()
        yield service


@pytest.fixture
def scene(service, session_data):
    with ExitStack() as stack:
        planes = [stack.enter_context(HfiServer()) for _ in range(5)]
        for plane in planes:
            plane.respond = lambda faults: time.sleep(0.5 if faults else 0) or landscape(faults)
        service.until_ready()
        names = [f"session-{number}" for number in range(5)]
        folders = [
            service.create(session_data(plane.url, name=name, total_trials=MANY, initial_points=MANY))
            for name, plane in zip(names, planes, strict=True)
        ]
        for folder in folders:
            made_trials(folder, 3, 120)
        yield Scene(service, folders, planes)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_five_sessions_make_each_trial_once(trouble, scene):
    if trouble.startswith("disk full") and not scene.service.data.is_mount():
        pytest.skip("needs a small file system, which root alone may mount")
    TROUBLES[trouble](scene)
    for folder, plane in zip(scene.folders, scene.planes, strict=True):
        state = ended(folder, 240)
        assert (state.status, state.reason) == (SessionStatus.COMPLETED, f"all {MANY} trials made")
        assert [trial.trial for trial in trials(folder)] == list(range(1, MANY + 1))
        assert plane.active() == {}
        names = Counter(each.body["metadata"]["name"] for each in plane.requests("POST", "/v1/policies"))
        assert len(names) == MANY
        assert max(names.values()) <= 2, "one that was broken off is made again, and no other"
    scene.service.until_ready()
    # Damage is met when what is damaged is read: that request gets a 503, and says to come again.
    until(
        lambda: {scene.service.get(each).get("status") for each in scene.folders} == {"COMPLETED"}, 30, "what REST says"
    )
