"""One trial at a time on one target."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from boifi_core.safety.target_lock import WaitGivenUp, remove_dead_locks, target_lock

HOLD = """
import sys, time
from boifi_core.safety.target_lock import target_lock
with target_lock(sys.argv[1], "session one", on_wait=print, give_up=lambda: False):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def endpoint():
    return f"http://{uuid.uuid4()}.example"


def hold(endpoint, seconds):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, endpoint, str(seconds)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_another_waits_and_is_told_for_whom(endpoint):
    holder = hold(endpoint, 0.5)
    waits = []
    with target_lock(endpoint, "session two", on_wait=waits.append, give_up=lambda: False):
        assert holder.wait(5) == 0
    holder.communicate()
    assert waits == ["session one"]


def test_no_file_is_left_and_many_take_turns(endpoint, tmp_path):
    """Each adds one to a number in a file, slowly: a lost turn would lose a count."""
    (tmp_path / "count").write_text("0")
    one = (
        "import sys, time; from pathlib import Path; from boifi_core.safety.target_lock import target_lock\n"
        "count = Path(sys.argv[2])\n"
        "for _ in range(10):\n"
        "    with target_lock(sys.argv[1], 'me', on_wait=lambda _: None, give_up=lambda: False):\n"
        "        n = int(count.read_text()); time.sleep(0.003); count.write_text(str(n + 1))\n"
    )
    before = set(Path(tempfile.gettempdir()).glob("boifi-target-*"))
    turns = [subprocess.Popen([sys.executable, "-c", one, endpoint, tmp_path / "count"]) for _ in range(4)]
    assert [turn.wait(60) for turn in turns] == [0] * 4
    assert (tmp_path / "count").read_text() == "40"
    assert set(Path(tempfile.gettempdir()).glob("boifi-target-*")) <= before


def test_waiting_ends_when_it_is_given_up(endpoint):
    holder = hold(endpoint, 60)
    try:
        began = time.monotonic()
        lock = target_lock(endpoint, "two", on_wait=lambda _: None, give_up=lambda: time.monotonic() > began + 0.2)
        with pytest.raises(WaitGivenUp), lock:
            pass
    finally:
        holder.kill()
        holder.communicate()


def test_a_killed_holder_loses_it(endpoint):
    holder = hold(endpoint, 60)
    os.kill(holder.pid, signal.SIGKILL)
    with target_lock(endpoint, "two", on_wait=lambda _: None, give_up=lambda: False):
        pass
    holder.communicate()


@pytest.mark.parametrize("other", ["http://localhost:8123/", "http://LOCALHOST:8123", "http://[::1]:8123"])
def test_one_target_by_another_name_is_the_same_target(other):
    holder = hold("http://127.0.0.1:8123", 60)
    waits = []
    try:
        lock = target_lock(other, "two", on_wait=waits.append, give_up=lambda: bool(waits))
        with pytest.raises(WaitGivenUp), lock:
            pass
    finally:
        holder.kill()
        holder.communicate()
    assert waits == ["session one"]


def test_other_targets_are_free(endpoint):
    holder = hold(endpoint, 60)
    try:
        with target_lock(f"{endpoint}:81", "two", on_wait=pytest.fail, give_up=lambda: False):
            pass
    finally:
        holder.kill()
        holder.communicate()


def test_what_killed_processes_left_is_removed_and_what_is_held_stays(endpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / f"boifi-target-{os.getuid()}-0123456789abcdef.lock"
    dead.write_text("session one")
    (tmp_path / "other").touch()
    with target_lock(endpoint, "two", on_wait=pytest.fail, give_up=lambda: False):
        (held,) = set(tmp_path.iterdir()) - {dead, tmp_path / "other"}
        remove_dead_locks()
        assert set(tmp_path.iterdir()) == {held, tmp_path / "other"}
