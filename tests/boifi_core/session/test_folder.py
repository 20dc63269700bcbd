"""Session folders: found, held, and whole after a crash."""

import os
import signal
import subprocess
import sys

import pytest

from boifi_core.errors import InvalidInput
from boifi_core.session.folder import SessionDamaged, SessionFolder, SessionHeld, find_session, sessions_in, summaries


def make(data, session_id, created_at="2026-01-01T00:00:00+00:00"):
    folder = SessionFolder(data / "sessions" / session_id)
    folder.make({"session_id": session_id, "created_at": created_at, "config": {}})
    return folder


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


def test_each_session_has_a_summary_and_a_damaged_one_says_why(tmp_path, session_data):
    whole = SessionFolder(tmp_path / "sessions" / "abc")
    whole.make({"created_at": "2026-01-01T00:00:00+00:00", "config": session_data("http://127.0.0.1:1")})
    make(tmp_path, "cut").path.joinpath("session.json").write_text("{")
    make(tmp_path, "other").path.joinpath("session.json").write_text('{"created_at": 1, "config": 2}')
    (_, summary), *damaged = summaries(tmp_path)
    assert (summary.name, summary.total_trials, summary.status, summary.is_over) == ("ratings-delay", 12, None, False)
    assert [(folder.session_id, type(said)) for folder, said in damaged] == [
        ("cut", SessionDamaged),
        ("other", SessionDamaged),
    ]


HOLD = """
import sys, time
from pathlib import Path
from boifi_core.session.folder import SessionFolder
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
