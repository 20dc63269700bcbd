"""The facade's own helpers, lost or damaged before it starts and while it runs: it answers for all that."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from damage import DAMAGE, put_aside
from facades import REQUEST, SESSIONS, facade, made, refused, set_state, wait_for

from benchmarks.environment import bare_environment
from boifi_core.storage.aside import damage_of

DOWN = ("503", "the database does not answer")


def listed(api):
    answer = api.get(SESSIONS)
    return {each["session_id"]: each["status"] for each in answer.json()["sessions"]} if answer.is_success else None


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_index_is_made_again_at_the_start(tmp_path, how):
    folder = made(tmp_path, trials=3, status="COMPLETED")
    with facade(tmp_path) as api:
        wait_for(lambda: listed(api))
    DAMAGE[how](tmp_path / "boifi.db")
    with facade(tmp_path) as api:
        wait_for(lambda: listed(api) == {folder.session_id: "COMPLETED"})
        assert api.get(f"{SESSIONS}/{folder.session_id}/trials").json()["total"] == 3
    is_kept = how not in ("deleted", "zero bytes")
    assert len(put_aside(tmp_path / "boifi.db")) == is_kept


@pytest.mark.parametrize("how", DAMAGE)
def test_and_while_the_facade_runs(tmp_path, how):
    folder = made(tmp_path, trials=3, status="RUNNING", by={"caller": "a", "idempotency_key": "k", "digest": "d"})
    with facade(tmp_path) as api:
        wait_for(lambda: listed(api))
        DAMAGE[how](tmp_path / "boifi.db")
        other = made(tmp_path, trials=2, status="COMPLETED")
        set_state(folder, "COMPLETED")
        wait_for(lambda: listed(api) == {folder.session_id: "COMPLETED", other.session_id: "COMPLETED"}, 30)
        wait_for(lambda: api.get(f"{SESSIONS}/{folder.session_id}/trials").json().get("total") == 3)


def test_tables_that_are_other_than_they_should_be_are_made_again(tmp_path):
    folder = made(tmp_path, trials=1, status="COMPLETED")
    for change in ("DROP TABLE boifi_trials", "ALTER TABLE boifi_sessions DROP COLUMN reason",
                   "UPDATE boifi_version SET version = 99", "INSERT INTO boifi_version VALUES (2)"):  # fmt: skip
        with facade(tmp_path) as api:
            wait_for(lambda api=api: listed(api) == {folder.session_id: "COMPLETED"})
        with closing(sqlite3.connect(tmp_path / "boifi.db")) as database:
            database.execute(change)
            database.commit()
    with facade(tmp_path) as api:
        wait_for(lambda: listed(api) == {folder.session_id: "COMPLETED"})


def test_a_sound_database_is_not_called_damaged(tmp_path):
    assert damage_of(tmp_path / "none.db") is None
    with closing(sqlite3.connect(tmp_path / "some.db")) as database:
        database.execute("CREATE TABLE a (b)")
        database.execute("BEGIN EXCLUSIVE")
        assert damage_of(tmp_path / "some.db") is None, "only locked"


def test_an_audit_log_that_cannot_be_written_keeps_nobody_from_working(tmp_path, capfd):
    (tmp_path / "audit.jsonl").mkdir(parents=True)
    with facade(tmp_path) as api:
        first = api.post(SESSIONS, json=REQUEST).json()["session_id"]
        (line,) = (tmp_path / "audit.jsonl").read_text().splitlines()
        assert json.loads(line)["session_id"] == first
        (tmp_path / "audit.jsonl").unlink()
        (tmp_path / "audit.jsonl").mkdir()
        second = api.post(SESSIONS, json=REQUEST)
        assert second.status_code == 202
    assert put_aside(tmp_path / "audit.jsonl")
    assert f"created session {second.json()['session_id']}" in capfd.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        "state.json",
        "run.json",
        "request.json",
        "deaths.json",
        "stop",
        pytest.param("report.md", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("how", DAMAGE)
def test_a_sessions_damaged_helpers_are_no_error_of_the_facade(tmp_path, name, how):
    folder = made(tmp_path, trials=3, status="COMPLETED")
    with facade(tmp_path) as api:
        DAMAGE[how](folder.path / name)
        wait_for(lambda: listed(api))
        row = api.get(f"{SESSIONS}/{folder.session_id}")
        assert row.status_code == 200, row.text
        assert row.json()["progress"] == {"current_iteration": 3, "total_iterations": 12}
        for form in ("md", "html") if name == "report.md" else ():
            report = api.get(f"{SESSIONS}/{folder.session_id}/report?format={form}")
            assert report.status_code == 200, report.text
            assert "ratings-delay" in report.text


def test_a_session_that_cannot_be_read_names_the_file_without_where_it_lies(tmp_path):
    folder = made(tmp_path, trials=3, status="COMPLETED")
    (folder.path / "session.json").write_bytes(b"\x00")
    with facade(tmp_path) as api:
        said = refused(api.get(f"{SESSIONS}/{folder.session_id}"), 503, "unavailable")["message"]
    assert folder.session_id in said
    assert "session.json cannot be read" in said
    assert str(tmp_path) not in said


def test_trials_that_the_history_has_lost_are_not_answered_for(tmp_path):
    folder = made(tmp_path, trials=3, status="RUNNING")
    with facade(tmp_path) as api:
        wait_for(lambda: api.get(f"{SESSIONS}/{folder.session_id}/trials").json().get("total") == 3)
        (folder.history / "part-000003.parquet").unlink()
        wait_for(lambda: api.get(f"{SESSIONS}/{folder.session_id}/trials").json()["total"] == 2)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BOIFI_ALLOWED_TARGETS", "no good!", "allowed_targets: must be loopback, "),
        ("BOIFI_ALLOWED_TARGETS", "127.0.0.1:0", "allowed_targets: must be loopback, "),
        ("BOIFI_SESSIONS_AT_ONCE", "0", "sessions_at_once: must be at least 1, got '0'"),
        ("BOIFI_DATA", "ftp://x/y", "data: must be a local path or s3://bucket/prefix"),
        ("BOIFI_CONFIG", "/nowhere.yaml", "settings: BOIFI_CONFIG: must be a file, got /nowhere.yaml"),
    ],
)
@pytest.mark.slow
@pytest.mark.parametrize("module", ["facade", "app", "worker", "serve"])
def test_a_bad_setting_is_one_line_at_the_start(tmp_path, module, variable, value, said):
    commands = {
        "facade": ["-m", "uvicorn", "--factory", "api.early_app:create_app", "--port", "0"],
        "app": ["-m", "uvicorn", "--factory", "api.app:create_app", "--port", "0"],
        "worker": ["-m", "deployments.worker", str(tmp_path)],
        "serve": ["-m", "cli.main", "serve"],
    }
    if (module, variable) == ("worker", "BOIFI_DATA"):
        commands["worker"] = ["-m", "deployments.worker", value]
    done = subprocess.run(
        [sys.executable, *commands[module]], env={**bare_environment(), variable: value}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
    assert line.startswith(f"error: {said}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cors_origins", "example.org"),
        ("cors_origins", "http://example.org/path"),
        ("database_url", "mysql://a/b"),
        ("prefect_ui_url", "prefect.example"),
        ("rate_limit", "often"),
        ("allowed_targets", "10.0.0.1/8"),
        ("allowed_targets", "mesh.local:99999"),
    ],
)
def test_no_bad_setting_waits_for_its_first_use(name, value):
    from pydantic import ValidationError

    from api.settings import Settings

    with pytest.raises(ValidationError, match="must be"):
        Settings(**{name: value})


@pytest.mark.slow
def test_a_full_disk_is_seen(tmp_path):
    code = """
import resource, sys
from fastapi.testclient import TestClient
from api.app import create_app
from api.settings import Settings
with TestClient(create_app(Settings(data=sys.argv[1])), base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as api:
    while "still being read" in (before := api.get("/ready").json()["error"]["message"]):
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    print(before, "|", api.get("/ready").json()["error"]["message"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=bare_environment(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    before, _, after = done.stdout.partition(" | ")
    assert "cannot be written" not in before
    assert after == "not ready: the data dir cannot be written (File too large)\n", done.stderr


def test_a_session_whose_process_is_stopped_is_not_heard_of(tmp_path, monkeypatch):
    monkeypatch.setattr("api.index.SILENT_S", 0.5)
    folder = made(tmp_path, trials=1, status="RUNNING")
    code = (
        "import sys, time, pathlib; from boifi_core.session.folder import SessionFolder\n"
        "with SessionFolder(pathlib.Path(sys.argv[1])).held(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, folder.path], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with facade(tmp_path) as api:

            def reason():
                return api.get(f"{SESSIONS}/{folder.session_id}").json()["reason"] or ""

            wait_for(lambda: listed(api))
            assert reason() == ""
            holder.send_signal(signal.SIGSTOP)
            wait_for(lambda: reason().startswith("not heard of for "))
            assert reason().endswith(" s: its process is stopped")
            assert listed(api) == {folder.session_id: "RUNNING"}
            holder.send_signal(signal.SIGCONT)
            wait_for(lambda: reason() == "")
    finally:
        holder.kill()
        holder.communicate()
