"""`boifi` with its data dir in object storage, from outside: killed, resumed, replayed, and with a store in trouble."""

import json
import os
import re
import signal
import threading
import time

import pandas as pd
import pyarrow.fs
import pytest
from command_lines import until_trial
from hfi_landscape import landscape
from s3_server import troubled

from boifi_core.models import SessionStatus
from boifi_core.session.folder import sessions_in
from boifi_core.session.stored import read_trials, stored_config
from boifi_core.storage import open_folder


def numbers(folder):
    return [trial.trial for trial in read_trials(folder, stored_config(folder))]


def read_as_documented(folder, store):
    """The history as docs/history.md has it read, by Arrow's own client."""
    far = pyarrow.fs.S3FileSystem(
        endpoint_override=store.url, access_key="key", secret_key="secret", region="us-east-1", scheme="http"
    )
    return pd.read_parquet(str(folder.history).removeprefix("s3://"), filesystem=far)


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), pytest.param(signal.SIGKILL, marks=pytest.mark.long)],
)
def test_a_session_is_broken_off_refused_resumed_and_replayed(
    s3_data, s3_store, start, boifi_here, session_file, hfi, number
):
    may_answer = threading.Event()
    may_answer.set()
    hfi.respond = lambda faults: may_answer.wait(60) and landscape(faults)
    out = ("--out", s3_data)
    path = session_file(hfi.url, total_trials=12, executor={"timeout_s": 60})
    process = start("run", path, *out)
    until_trial(process, 3)
    may_answer.clear()
    (folder,) = sessions_in(s3_data)
    assert len(read_as_documented(folder, s3_store)) >= 3
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    before = numbers(folder)
    assert before == list(range(1, len(before) + 1))
    assert "RUNNING (gone)" in boifi_here("sessions", *out, check=0).stdout

    may_answer.set()
    process = start("run", path, *out, "--resume", folder.session_id[:8])
    until_trial(process, len(before) + 1)
    may_answer.clear()
    refused = boifi_here("run", path, *out, "--resume", folder.session_id, check=1)
    assert "is run by another process" in refused.stderr
    may_answer.set()
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    assert f"{folder.path}/report.md" in said
    assert f"--out {s3_data}" in said
    assert numbers(folder) == list(range(1, 13))
    assert hfi.active() == {}

    listed = boifi_here("sessions", *out, check=0).stdout
    assert "COMPLETED" in listed
    assert "12/12" in listed
    written = open_folder(folder.path).read("report.md").decode()
    assert boifi_here("report", folder.session_id, *out).stdout.rstrip() == written.rstrip()
    assert boifi_here("replay", folder.session_id, 3, *out).returncode in (0, 4)
    assert numbers(folder)[:13] == list(range(1, 14))
    assert folder.state().status is SessionStatus.COMPLETED


@pytest.mark.slow
def test_a_session_waits_for_a_store_in_trouble(s3_data, s3_store, start, session_file, hfi):
    with troubled(s3_store) as (store, trouble):
        process = start("run", session_file(hfi.url, total_trials=9), "--out", s3_data, AWS_ENDPOINT_URL=store.url)
        until_trial(process, 2)
        for how in ("503", "cut", "lost"):
            trouble.cause(how)
            time.sleep(2.5 if how == "503" else 1.5)  # it says so after a second
            trouble.end()
            time.sleep(0.3)
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    assert re.search(r"^warning: s3://\S+: 503 InternalError; it is tried again for 120 s$", said, re.MULTILINE), said
    assert "the store answers again" in said
    (folder,) = sessions_in(s3_data)
    assert numbers(folder) == list(range(1, 10))
    assert hfi.active() == {}


@pytest.mark.slow
def test_a_session_whose_store_is_gone_ends_with_its_reason_and_can_be_resumed(
    s3_data, s3_store, boifi_here, session_file, hfi, monkeypatch
):
    from boifi_core.storage import client, patience_s

    path = session_file(hfi.url, total_trials=6)
    with troubled(s3_store) as (store, trouble):
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        monkeypatch.setattr(client, "LONG_S", 1.0)
        monkeypatch.setattr(client, "GIVEN_UP_S", 0.2)
        client.forget_client()
        patience = patience_s.set(2.0)
        hfi.respond = lambda faults: (trouble.cause("503") if trouble_is_due(hfi) else None) or landscape(faults)
        try:
            done = boifi_here("run", path, "--out", s3_data)
        finally:
            patience_s.reset(patience)
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: s3://\S+/history/part-\d+.parquet: the store does not answer for \d s: 503 InternalError; "
        rf"boifi run … --resume \S+ --out {s3_data} goes on with it",
        done.stderr.splitlines()[-1],
    ), done.stderr
    assert hfi.active() == {}
    hfi.respond = landscape
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_store.url)
    client.forget_client()
    (folder,) = sessions_in(s3_data)
    made = numbers(folder)
    assert 0 < len(made) < 6
    boifi_here("run", path, "--out", s3_data, "--resume", folder.session_id, check=0)
    assert numbers(folder) == list(range(1, 7))


def trouble_is_due(hfi):
    return len(hfi.injected()) >= 4


@pytest.mark.parametrize(
    ("out", "status", "said"),
    [
        ("gs://bucket/x", 2, "error: --out: must be a local path or s3://bucket/prefix, got 'gs://bucket/x'"),
        ("s3://no-such-bucket/x", 2, "error: --out: must be a place that can be used (there is no such bucket), got"),
    ],
)
def test_what_is_no_data_dir_is_one_line(s3_data, boifi_alone, out, status, said):
    done = boifi_alone("sessions", "--out", out, check=status)
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_thousands_of_sessions_are_listed_by_few_requests(s3_data, s3_store, session_data, monkeypatch):
    """Notes as their sessions leave them, and what a list of them costs, once they were read."""
    from boifi_core.session.folder import summaries
    from boifi_core.storage import client

    monkeypatch.setattr("boifi_core.storage.s3.COMPACT_AT", 20)
    sessions = s3_data / "sessions"
    for n in range(60):
        folder = open_folder(sessions / f"{n:08}-0000-4000-8000-000000000000")
        session = {"created_at": "2026-01-01T00:00:00+00:00", "config": session_data("http://127.0.0.1:1")}
        folder.write("session.json", json.dumps(session).encode())
    assert len(summaries(s3_data)) == 60  # which notes them all
    assert len(summaries(s3_data)) == 60  # which keeps the notes together
    with troubled(s3_store) as (store, trouble):
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        client.forget_client()
        assert [summary.name for _, summary in summaries(s3_data)] == ["ratings-delay"] * 60
        assert len(trouble.seen) == 3
