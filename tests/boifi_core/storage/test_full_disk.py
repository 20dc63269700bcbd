"""A real disk without room, or that may only be read: what is told, what is waited for, what is left."""

import os
from pathlib import Path

import pytest
from small_disk import small_disk

from boifi_core.storage import NotWritten, open_folder, wait_to_write


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", size_mib=1) as disk:
        yield disk


@pytest.fixture
def folder(disk):
    folder = open_folder(disk.path / "sessions" / "abc")
    folder.make()
    folder.write("state.json", b"old")
    folder.mark("lock", "")
    return folder


@pytest.fixture
def waits():
    """Lets this context wait, and what is in the list, a function, be what happens meanwhile."""
    told, meanwhile = [], []

    def wait(problem):
        told.append(str(problem))
        assert len(told) < 10
        if len(told) == 3:
            meanwhile[0]()

    token = wait_to_write.set(wait)
    yield told, meanwhile
    wait_to_write.reset(token)


FULL = (("fill", "free", "No space left on device"), ("read_only", "writable", "Read-only file system"))


def files(folder):
    return sorted(path.name for path in folder.path.iterdir())


def end(disk, how):
    return disk.free if how == "free" else lambda: disk.read_only(False)


@pytest.mark.parametrize(("begin", "over", "why"), FULL)
def test_who_does_not_wait_is_told_at_once_and_nothing_is_left_half_written(disk, folder, begin, over, why):
    getattr(disk, begin)()
    for write in (folder.write, folder.create):
        with pytest.raises(NotWritten, match=rf"part-1: {why}"):
            write("part-1", bytes(100_000))
    with pytest.raises(NotWritten, match=why):
        folder.write("state.json", bytes(100_000))
    end(disk, over)()
    assert folder.read("state.json") == b"old"
    assert files(folder) == ["lock", "state.json"]


@pytest.mark.parametrize(("begin", "over", "why"), FULL)
def test_who_waits_writes_once_there_is_room(disk, folder, waits, begin, over, why):
    told, meanwhile = waits
    getattr(disk, begin)()
    meanwhile.append(end(disk, over))
    folder.create("part-1", bytes(100_000))
    assert told == [f"cannot write {folder.path}/part-1: {why}"] * 3
    folder.write("state.json", bytes(100_000))
    assert (len(folder.read("part-1")), len(folder.read("state.json"))) == (100_000, 100_000)
    assert files(folder) == ["lock", "part-1", "state.json"]
    with pytest.raises(FileExistsError):
        folder.create("part-1", b"")


@pytest.mark.parametrize("step", ["fsync of the file", "rename", "fsync of the folder"])
def test_whichever_step_fails_it_is_written_once(disk, folder, waits, monkeypatch, step):
    told, meanwhile = waits
    patched = pytest.MonkeyPatch()
    meanwhile.append(patched.undo)
    fsync = os.fsync

    def fail(*_):
        raise OSError(122, "Disk quota exceeded")

    if step == "rename":
        patched.setattr(Path, "replace", fail)
    else:
        is_folder = step.endswith("folder")
        patched.setattr(
            os, "fsync", lambda file: fail() if Path(f"/proc/self/fd/{file}").is_dir() == is_folder else fsync(file)
        )
    folder.create("part-1", b"whole")
    assert len(told) == 3
    assert folder.read("part-1") == b"whole"
    assert files(folder) == ["lock", "part-1", "state.json"]


def test_a_read_only_disk_is_waited_for_where_something_is_removed_or_held(disk, folder, waits):
    told, meanwhile = waits
    meanwhile.append(lambda: disk.read_only(False))
    disk.read_only()
    with folder.held("lock"):
        assert folder.holder("lock") == os.getpid()
    assert len(told) == 3
    disk.read_only()
    told.clear()
    folder.remove("state.json")
    assert len(told) == 3


def test_a_full_disk_holds_nobody_off_from_a_session_or_from_stopping_one(disk, folder):
    with folder.held("lock"):
        pass
    disk.fill()
    with folder.held("lock"):
        assert folder.holder("lock") == os.getpid()
        folder.mark("stop", "why")
        assert folder.exists("stop")


def test_a_folder_that_is_gone_is_not_waited_for(folder, waits):
    told, _ = waits
    for name in folder.names():
        folder.remove(name)
    folder.path.rmdir()
    with pytest.raises(NotWritten, match="No such file"):
        folder.write("state.json", b"")
    assert told == []
