"""One trial at a time on one target."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from itertools import pairwise
from pathlib import Path

import pytest

import boifi_core.safety.target_lock as target_lock_module
from boifi_core.errors import BoifiError
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
    place = target_lock_module._place()
    before = set(place.glob("boifi-target-*"))
    turns = [subprocess.Popen([sys.executable, "-c", one, endpoint, tmp_path / "count"]) for _ in range(4)]
    assert [turn.wait(60) for turn in turns] == [0] * 4
    assert (tmp_path / "count").read_text() == "40"
    name = target_lock_module.target_name(endpoint)
    assert [path for path in set(place.glob("boifi-target-*")) - before if name in path.name] == []


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
    monkeypatch.setattr(target_lock_module, "SHARED", tmp_path)
    tmp_path.chmod(0o1777)
    dead = tmp_path / "boifi-target-0123456789abcdef.lock"
    dead.write_text("session one")
    (tmp_path / "other").touch()
    with target_lock(endpoint, "two", on_wait=pytest.fail, give_up=lambda: False):
        (held,) = set(tmp_path.iterdir()) - {dead, tmp_path / "other"}
        remove_dead_locks()
        assert set(tmp_path.iterdir()) == {held, tmp_path / "other"}


AS_SOMEBODY = """
import os, sys, time
from pathlib import Path
import boifi_core.safety.target_lock as locks  # as root: another user may not be let into where it lies
uid, place, endpoint, private = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
os.umask(0o077)
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
os.environ["TMPDIR"] = private
locks.SHARED = Path(place)
for turn in range(3):
    with locks.target_lock(endpoint, f"user {uid}", on_wait=lambda who: print("waits for", who, flush=True),
                           give_up=lambda: False):
        print("held", time.monotonic(), flush=True)
        time.sleep(0.3)
        print("left", time.monotonic(), flush=True)
locks.remove_dead_locks()
"""


@pytest.fixture
def shared():
    """A folder for all, as `/run/lock` is; below one that others may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = Path(folder)
        place.chmod(0o1777)
        yield place


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_two_users_with_temporary_folders_of_their_own_take_turns(endpoint, shared, tmp_path):
    users = [
        subprocess.Popen(
            [sys.executable, "-c", AS_SOMEBODY, str(uid), str(shared), endpoint, str(tmp_path / str(uid))],
            stdout=subprocess.PIPE,
            text=True,
        )
        for uid in (64001, 64002)
    ]
    said = [user.communicate(timeout=60)[0].splitlines() for user in users]
    assert [user.returncode for user in users] == [0, 0], said
    held = sorted(
        (float(begin.split()[1]), float(end.split()[1]))
        for lines in said
        for begin, end in zip(
            [line for line in lines if line.startswith("held")],
            [line for line in lines if line.startswith("left")],
            strict=True,
        )
    )
    assert len(held) == 6
    assert all(before[1] <= after[0] for before, after in pairwise(held))
    assert any(line.startswith("waits for user 6400") for lines in said for line in lines)


@pytest.mark.parametrize("what", ["link", "folder", "pipe", "another name of a file"])
def test_what_is_no_lock_is_refused_and_left_as_it_is(endpoint, shared, monkeypatch, what):
    monkeypatch.setattr(target_lock_module, "SHARED", shared)
    victim = shared / "victim"
    victim.write_text("precious")
    place = shared / f"boifi-target-{target_lock_module.target_name(endpoint)}.lock"
    make = {
        "link": lambda: place.symlink_to(victim),
        "folder": place.mkdir,
        "pipe": lambda: os.mkfifo(place),
        "another name of a file": lambda: place.hardlink_to(victim),
    }
    make[what]()
    lock = target_lock(endpoint, "one", on_wait=pytest.fail, give_up=lambda: False)
    with pytest.raises(BoifiError, match="cannot lock the target by"), lock:
        pass
    assert victim.read_text() == "precious"


def test_what_a_stranger_wrote_as_its_name_is_one_short_line(endpoint, shared, monkeypatch):
    monkeypatch.setattr(target_lock_module, "SHARED", shared)
    place = shared / f"boifi-target-{target_lock_module.target_name(endpoint)}.lock"
    waits = []
    with target_lock(endpoint, "one", on_wait=pytest.fail, give_up=lambda: False):
        place.write_text("\x1b[2Jsession\n" + "x" * 10_000)
        with (
            pytest.raises(WaitGivenUp),
            target_lock(endpoint, "two", on_wait=waits.append, give_up=lambda: bool(waits)),
        ):
            pass
    (told,) = waits
    assert told.startswith("[2Jsessionx")
    assert len(told) <= 200


def test_where_no_folder_is_shared_the_temporary_one_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for place in (tmp_path / "none", tmp_path):  # the latter is this user's alone
        monkeypatch.setattr(target_lock_module, "SHARED", place)
        assert target_lock_module._place() == tmp_path
