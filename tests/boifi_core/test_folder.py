"""Session folders: found, held, and whole after a crash."""

import os
import signal
import subprocess
import sys

import pytest

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.folder import SessionFolder, SessionHeld, data_dir, find_session, sessions_in, write_atomically


def make(data, session_id, created_at="2026-01-01T00:00:00+00:00"):
    folder = SessionFolder(data / "sessions" / session_id)
    folder.make({"session_id": session_id, "created_at": created_at, "config": {}})
    return folder


def test_data_dir_is_out_then_environment_then_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOIFI_DATA", raising=False)
    assert data_dir() == tmp_path / "boifi-data"
    monkeypatch.setenv("BOIFI_DATA", str(tmp_path / "env"))
    assert data_dir() == tmp_path / "env"
    assert data_dir(tmp_path / "out") == tmp_path / "out"


@pytest.mark.parametrize("out", ["s3://bucket/x", "memory://x"])
def test_a_url_is_refused_as_data_dir(out):
    with pytest.raises(InvalidInput, match=r"--out: must be a local path, got"):
        data_dir(out)


def test_a_file_is_refused_as_data_dir(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=r"--out: must be a folder"):
        data_dir(tmp_path / "file")


def test_sessions_are_found_by_id_or_beginning(tmp_path):
    late, early = make(tmp_path, "abc1", "2026-02-01"), make(tmp_path, "abd2", "2026-01-01")
    assert sessions_in(tmp_path) == [early, late]
    assert find_session(tmp_path, "abc1") == late
    assert find_session(tmp_path, "abd") == early
    for missing in ("zzz", "", "ab"):
        with pytest.raises(InvalidInput, match="session id"):
            find_session(tmp_path, missing)


def test_a_folder_without_session_json_is_no_session(tmp_path):
    (tmp_path / "sessions" / "half").mkdir(parents=True)
    assert sessions_in(tmp_path) == []


HOLD = """
import sys, time
from pathlib import Path
from boifi_core.folder import SessionFolder
with SessionFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_session_is_held_by_one_process_and_free_when_that_is_killed(tmp_path):
    folder = make(tmp_path, "abc")
    assert not folder.is_held()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, folder.path], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        assert folder.is_held()
        with pytest.raises(SessionHeld), folder.held():
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    assert not folder.is_held()
    with folder.held():
        assert folder.is_held()


def test_stop_requests_are_seen_and_forgotten(tmp_path):
    folder = make(tmp_path, "abc")
    assert not folder.stop_requested()
    folder.request_stop()
    assert folder.stop_requested()
    folder.forget_stop()
    folder.forget_stop()
    assert not folder.stop_requested()


def test_a_failed_write_leaves_the_old_file_and_says_why(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    write_atomically(path, "old")

    def no_space(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(BoifiError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]
