"""`boifi run` as its user meets it: from outside, as a process, with signals, kills and resumes."""

import json
import os
import random
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pandas as pd
import pytest
from command_lines import until_line, until_trial
from hfi_landscape import landscape
from hfi_server import HfiServer

from boifi_core.findings.again import TRIES
from boifi_core.safety.target_lock import ALONE
from cli.prefect_api import running_server
from cli.prefect_login import login


def session_folder(tmp_path):
    (folder,) = (tmp_path / "data" / "sessions").iterdir()
    return folder


def state_of(folder):
    return json.loads((folder / "state.json").read_text())


def prefect_state(prefect_server, folder):
    """What Prefect says of the session's latest flow run."""
    runs = httpx.post(f"{prefect_server}/flow_runs/filter", json={"sort": "START_TIME_DESC", "limit": 20}).json()
    return next(run["state"]["type"] for run in runs if run["parameters"] == {"folder": str(folder)})


def slow(server, seconds):
    """Make every observation take so long."""

    def respond(faults):
        time.sleep(seconds)
        return landscape(faults)

    server.respond = respond


@pytest.mark.usefixtures("used_data_dir")
def test_runs_at_once_each_have_a_prefect_server_of_their_own_and_leave_nothing(boifi, session_data, tmp_path):
    with HfiServer() as one, HfiServer() as two:
        paths = []
        for number, server in enumerate((one, two)):
            path = tmp_path / f"{number}.yaml"
            path.write_text(json.dumps(session_data(server.url, total_trials=6)))
            paths.append(path)
        with ThreadPoolExecutor() as threads:
            runs = list(threads.map(lambda path: boifi("run", path, check=0), paths))
        assert one.active() == two.active() == {}
    assert (tmp_path / "data" / "prefect-2").is_dir()
    for done in runs:
        lines = done.stdout.splitlines()
        folder = tmp_path / "data" / "sessions" / lines[0].split()[1]
        assert lines[0].split() == ["session", folder.name, "ratings-delay"]
        assert sum(bool(re.match(r" *\d+/6 ", line)) for line in lines) == 6
        assert "COMPLETED: all 6 trials made. 6 trials, 6 of them scored." in done.stdout
        assert "Weaknesses: " in done.stdout
        assert done.stderr == ""
        assert {p.name for p in folder.iterdir()} == {
            "session.json", "state.json", "baseline.json", "history", "report.md", "report.html", "lock",
            "preflight.json",
        }  # fmt: skip
        assert len(pd.read_parquet(folder / "history")) == 6
    assert subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, check=False).stdout == b""


def test_trials_and_seed_from_the_command_line(boifi_here, session_file, hfi, tmp_path):
    path = session_file(hfi.url)
    boifi_here("run", path, "--trials", 2, "--seed", 5, check=0)
    stored = json.loads((session_folder(tmp_path) / "session.json").read_text())["config"]
    assert (stored["total_trials"], stored["initial_points"], stored["seed"]) == (2, 2, 5)


def test_fail_on_gives_3(boifi_here, session_file, hfi):
    path = session_file(hfi.url)
    boifi_here("run", path, "--fail-on", 1, check=3)
    boifi_here("run", path, "--trials", 2, "--fail-on", 10, check=0)


def test_a_failed_session_gives_1_and_says_why(boifi_here, session_file, hfi):
    hfi.respond = lambda faults: {**landscape(faults), "status_code": 500}
    done = boifi_here("run", session_file(hfi.url), check=1)
    assert "FAILED: the target is not healthy without a fault" in done.stdout
    assert "No fault hurt" not in done.stdout, "none was tried"


def test_dry_run_prints_faults_and_asks_nobody(boifi_alone, session_file, hfi, tmp_path):
    done = boifi_alone("run", session_file(hfi.url), "--dry-run", check=0)
    assert len(done.stdout.splitlines()) == 5
    assert all(" on GET /" in line for line in done.stdout.splitlines())
    assert hfi.received == []
    assert not (tmp_path / "data").exists()


def test_the_first_ctrl_c_finishes_the_running_trial(start, session_file, hfi, tmp_path, prefect_server):
    slow(hfi, 0.3)
    process = start("run", session_file(hfi.url, total_trials=200))
    until_trial(process, 3)
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    folder = session_folder(tmp_path)
    assert (state_of(folder)["status"], state_of(folder)["reason"]) == ("COMPLETED", "stopped")
    assert prefect_state(prefect_server, folder) == "COMPLETED"
    assert len(pd.read_parquet(folder / "history")) == 4
    assert "stop asked for" in out
    assert hfi.active() == {}


def test_the_second_ctrl_c_breaks_the_trial_off_and_removes_the_fault(
    start, session_file, hfi, tmp_path, prefect_server
):
    slow(hfi, 0.2)
    process = start("run", session_file(hfi.url, total_trials=200, executor={"timeout_s": 60}))
    until_trial(process, 3)
    slow(hfi, 30)
    while not hfi.active():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.3)
    assert hfi.active(), "the first one must let the trial run"
    asked = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert time.monotonic() - asked < 15
    assert process.returncode == 1, out
    folder = session_folder(tmp_path)
    assert (state_of(folder)["status"], state_of(folder)["reason"]) == ("FAILED", "cancelled")
    last = pd.read_parquet(folder / "history").sort_values("trial").iloc[-1]
    assert (last["status"], last["reason"]) == ("failed", "cancelled")
    assert prefect_state(prefect_server, folder) == "CANCELLED"
    assert hfi.active() == {}


def test_a_signal_removes_the_fault_and_leaves_the_session_resumable(start, boifi_here, session_file, hfi, tmp_path):
    path = session_file(hfi.url, total_trials=6, executor={"timeout_s": 60})
    resume = ()
    for number, trial in ((signal.SIGTERM, 2), (signal.SIGHUP, 4)):
        slow(hfi, 0.2)
        process = start("run", path, *resume)
        until_trial(process, trial)
        slow(hfi, 30)
        while not hfi.active():
            time.sleep(0.02)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 1, out
        assert hfi.active() == {}
        folder = session_folder(tmp_path)
        assert state_of(folder)["status"] == "RUNNING"
        assert f"--resume {folder.name} --out {tmp_path / 'data'} goes on with it" in out
        resume = ("--resume", folder.name[:6])
    slow(hfi, 0)
    boifi_here("run", path, *resume, check=0)
    history = pd.read_parquet(folder / "history")
    assert sorted(history["trial"]) == [1, 2, 3, 4, 5, 6]
    assert set(history["status"]) == {"scored"}


def test_a_running_session_is_seen_kept_and_stopped_from_another_terminal(
    start, boifi_here, session_file, hfi, tmp_path
):
    slow(hfi, 0.3)
    path = session_file(hfi.url, total_trials=200)
    process = start("run", path)
    until_trial(process, 2)
    folder = session_folder(tmp_path)
    assert re.search(rf"{folder.name} +RUNNING +\d+/200", boifi_here("sessions", check=0).stdout)

    before = (folder / "session.json").read_text()
    done = boifi_here("run", path, "--resume", folder.name, "--trials", 9, check=1)
    assert "is run by another process" in done.stderr
    assert (folder / "session.json").read_text() == before

    while not hfi.active():
        time.sleep(0.01)
    swept = boifi_here("sweep", hfi.url.replace("127.0.0.1", "localhost"), check=0)
    assert "0 policies removed" in swept.stdout, "what a trial has in force is not taken from it"

    boifi_here("stop", folder.name, check=0)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert re.search(rf"{folder.name} +COMPLETED", boifi_here("sessions", check=0).stdout)
    assert set(pd.read_parquet(folder / "history")["status"]) == {"scored"}
    assert boifi_here("stop", folder.name).returncode == 2


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.long)])
def test_kill_9_at_random_moments_loses_nothing_and_repeats_nothing(
    start, boifi_here, session_file, hfi, tmp_path, kills
):
    """Kills of the whole process group; each resume goes on. What was recorded stays, once."""
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    slow(hfi, 0.03)
    path = session_file(hfi.url, total_trials=300)
    resume = ()
    before = 0
    for _ in range(kills):
        process = start("run", path, *resume)
        posts = len(hfi.injected())
        while len(hfi.injected()) == posts and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.6))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        folder = session_folder(tmp_path)
        history = pd.read_parquet(folder / "history")
        assert sorted(history["trial"]) == list(range(1, len(history) + 1))
        assert len(history) >= before
        before = len(history)
        resume = ("--resume", folder.name)
    boifi_here("run", path, *resume, "--trials", before + 3, check=0)
    history = pd.read_parquet(folder / "history")
    assert sorted(history["trial"]) == list(range(1, before + 4))
    # A surprising reading is measured again on purpose.
    chosen = history[history["phase"] != "confirm"]
    points = chosen[[column for column in chosen if column.startswith("point.")]]
    assert not points.duplicated().any(), "a finished trial was made again"
    assert hfi.active() == {}


@pytest.mark.long
def test_kill_9_while_failures_are_confirmed_and_made_smaller_changes_nothing(
    start, boifi_here, session_file, hfi, tmp_path
):
    """Each phase goes on where it was: what is tried, and why, is what a session does that nobody killed."""

    def tried(folder):
        history = pd.read_parquet(folder / "history").sort_values("trial")
        assert list(history["trial"]) == list(range(1, 25))
        return [(plans, json.loads(why)["reason"]) for plans, why in zip(history["plans"], history["why"], strict=True)]

    path = session_file(hfi.url, total_trials=24, confirm={"share": 0.3}, minimise={"share": 0.3})
    boifi_here("run", path, "--out", tmp_path / "whole", check=0)
    (whole,) = (tmp_path / "whole" / "sessions").iterdir()
    slow(hfi, 0.05)
    resume = ()
    for mark in (r"\(is it real\?\)", r"\(does less do it\?\)"):
        process = start("run", path, *resume)
        until_line(process, mark)
        time.sleep(0.03)  # into the next trial
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        resume = ("--resume", session_folder(tmp_path).name)
    boifi_here("run", path, *resume, check=0)
    assert {"verify", "minimise"} <= {reason for _, reason in tried(whole)}
    assert tried(session_folder(tmp_path)) == tried(whole)
    assert hfi.active() == {}


@pytest.mark.long
@pytest.mark.usefixtures("used_data_dir")
def test_kill_9_of_a_run_with_its_own_server_leaves_no_process(session_file, hfi, tmp_path, start):
    process = start("run", session_file(hfi.url, total_trials=300), PREFECT_API_URL="")
    until_trial(process, 2)
    assert subprocess.run(["pgrep", "-f", str(tmp_path / "data")], check=False).returncode in (0, 1)
    servers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout
    assert servers.split(), "the run has a Prefect server"
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in servers.split()):
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in servers.split())


def test_a_resume_keeps_to_the_guardrails_of_the_file(boifi_here, session_file, hfi, tmp_path):
    boifi_here("run", session_file(hfi.url), "--trials", 4, check=0)
    path = session_file(hfi.url, guardrails={"max_percentage": 20}, analyzer={"baseline_latency_ms": 100})
    resume = ("--resume", session_folder(tmp_path).name)
    done = boifi_here("run", path, "--trials", 8, *resume, check=0)
    assert "warning: analyzer: the session's own stays" in done.stderr
    shares = [post.body["spec"]["rules"][0]["fault"]["percentage"] for post in hfi.injected()]
    assert len(shares) == 8
    assert max(shares[4:]) <= 20


@pytest.mark.slow
@pytest.mark.usefixtures("used_data_dir")
def test_ctrl_c_before_a_resume_has_begun_tells_nothing_of_the_run_before(start, boifi, session_file, hfi, tmp_path):
    hfi.respond = lambda faults: {**landscape(faults), "status_code": 500}
    path = session_file(hfi.url)
    assert "not healthy" in start("run", path).communicate(timeout=60)[0]
    process = start("run", path, "--resume", session_folder(tmp_path).name, "--seed", 8, PREFECT_API_URL="")
    read = ""
    while "\nsearch " not in read:
        read += process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "warning: --seed: the session's own stays, 7" in read
    assert "interrupted" in out
    assert "FAILED" not in out


def test_a_name_with_braces_is_only_a_name(boifi_here, session_file, hfi):
    boifi_here("run", session_file(hfi.url, name="a{b} {folder}"), "--trials", 1, check=0)


def test_a_broken_session_is_told_and_the_others_are_listed(boifi_here, session_file, hfi, tmp_path):
    boifi_here("run", session_file(hfi.url), "--trials", 1, check=0)
    for number, text in enumerate(("", "{}", "[1]")):
        folder = tmp_path / "data" / "sessions" / f"broken{number}"
        folder.mkdir()
        (folder / "session.json").write_text(text)
    listed = boifi_here("sessions", check=0).stdout
    assert "COMPLETED" in listed
    assert listed.count("broken") >= 3
    for number in range(3):
        assert "session.json" in boifi_here("report", f"broken{number}", check=1).stderr


@pytest.mark.slow
@pytest.mark.usefixtures("used_data_dir")
def test_a_prefect_server_that_dies_is_started_again(start, session_file, hfi, tmp_path):
    slow(hfi, 0.2)
    process = start("run", session_file(hfi.url, total_trials=12), PREFECT_API_URL="")
    until_trial(process, 3)
    for pid in subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "COMPLETED: all 12 trials made" in out
    assert hfi.active() == {}


@pytest.mark.slow
def test_a_prefect_that_goes_away_is_waited_for_and_a_run_that_is_ended_meanwhile_is_resumable(
    start, boifi_here, session_file, hfi, tmp_path, used_home
):
    slow(hfi, 0.2)
    path = session_file(hfi.url, total_trials=12)
    home = tmp_path / "other"
    used_home(home)
    with running_server(home) as url:
        impatient = {"PREFECT_CLIENT_MAX_RETRIES": "0"}
        # Prefect's client asks again for a minute; here it does not. Only a shared server has leases to wait for.
        shared = {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": login(home), ALONE: ""}
        process = start("run", path, **shared, **impatient)
        until_trial(process, 3)
    until_line(process, "warning: Prefect's API does not answer")
    assert hfi.active() == {}
    os.killpg(process.pid, signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    folder = session_folder(tmp_path)
    *_, last = out.splitlines()
    assert re.match(rf"error: Prefect's API at {url} does not answer: .*--resume {folder.name}", last), out
    assert "Traceback" not in out
    resumed = boifi_here("run", path, "--resume", folder.name, check=0).stdout
    assert "COMPLETED: all 12 trials made" in resumed


@pytest.mark.slow
def test_a_session_that_ends_while_prefect_is_gone_is_shown_as_it_ended(start, session_file, hfi, tmp_path, used_home):
    slow(hfi, 0.2)
    home = tmp_path / "other"
    used_home(home)
    with running_server(home) as url:
        alone = {ALONE: "1", "PREFECT_CLIENT_MAX_RETRIES": "0", "PREFECT_API_AUTH_STRING": login(home)}
        process = start("run", session_file(hfi.url, total_trials=12), PREFECT_API_URL=url, **alone)
        until_trial(process, 3)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "COMPLETED: all 12 trials made" in out
    assert "Traceback" not in out


@pytest.mark.slow
def test_a_full_disk_ends_the_session_and_loses_nothing(boifi, start, session_file, hfi, tmp_path):
    process = start("run", session_file(hfi.url, total_trials=200))
    until_trial(process, 3)
    history = session_folder(tmp_path) / "history"
    history.chmod(0o500)
    if os.geteuid() == 0:
        # root writes where others may not, so the folder goes instead.
        history.rename(history.with_name("moved"))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    assert re.search(r"FAILED: .*history.*cannot be written", out), out
    assert hfi.active() == {}


def test_replay_makes_the_same_fault_again(boifi_here, session_file, hfi, tmp_path):
    boifi_here("run", session_file(hfi.url), check=0)
    folder = session_folder(tmp_path)
    history = pd.read_parquet(folder / "history").sort_values("severity", ascending=False)
    worst = int(history.iloc[0]["trial"])
    done = boifi_here("replay", folder.name, worst, check=0)
    then, again = re.findall(r"severity +([\d.]+)", done.stdout)
    assert then == again
    assert "the same failure, F" in done.stdout
    after = pd.read_parquet(folder / "history").sort_values("trial")
    assert len(after) == len(history) + 1
    assert after.iloc[-1]["phase"] == "replay"
    assert hfi.active() == {}
    plans = [post.body["spec"]["rules"][0] for post in hfi.injected()]
    assert plans[-1] == plans[worst - 1]
    assert boifi_here("replay", folder.name, 99).returncode == 2


def test_replay_says_what_the_fault_does_instead(boifi_here, session_file, hfi, tmp_path):
    boifi_here("run", session_file(hfi.url, executor={"timeout_s": 2}), check=0)
    folder = session_folder(tmp_path)
    history = pd.read_parquet(folder / "history").sort_values("severity")
    worst, mildest = int(history.iloc[-1]["trial"]), int(history.iloc[0]["trial"])
    assert "as harmless as then" in boifi_here("replay", folder.name, mildest, check=0).stdout
    answers = iter([landscape([])] * 3)  # the baseline, the fault, and the wait before it is tried again
    hfi.respond = lambda faults: next(answers, None) or landscape(faults)
    lucky = boifi_here("replay", folder.name, worst, check=0).stdout
    assert lucky.count("again (trial") == 2
    assert "the same failure" in lucky
    hfi.respond = lambda _faults: landscape([])
    fixed = boifi_here("replay", folder.name, worst, check=4).stdout
    assert fixed.count("again (trial") == TRIES
    assert "not the same failure but none; then F" in fixed
    hfi.respond = lambda faults: landscape(faults) | ({"latency_ms": 20_000} if faults else {})
    assert "as harmless" not in boifi_here("replay", folder.name, mildest, check=4).stdout
    hfi.knobs.malformed_share, hfi.knobs.mutators = 1.0, (lambda _observation: None,)
    assert boifi_here("replay", folder.name, worst).returncode == 1


def test_reports_in_four_formats(boifi_here, session_file, hfi, tmp_path):
    boifi_here("run", session_file(hfi.url), "--trials", 5, check=0)
    name = session_folder(tmp_path).name
    assert boifi_here("report", name, check=0).stdout == (session_folder(tmp_path) / "report.md").read_text()
    assert boifi_here("report", name, "--format", "html", check=0).stdout.startswith("<!doctype html>")
    assert json.loads(boifi_here("report", name, "--format", "json", check=0).stdout)["session_id"] == name
    assert boifi_here("report", name, "--format", "junit", check=0).stdout.startswith("<?xml")


def test_sweep_by_hand(boifi_here, hfi, monkeypatch):
    rule = {"match": {"path": {"prefix": "/x"}}, "fault": {"percentage": 1, "abort": {"httpStatus": 500}}}
    for name in ("boifi-0123abcd-0001", "other"):
        hfi.apply({"metadata": {"name": name, "version": "1.0.0"}, "spec": {"selector": {}, "rules": [rule]}})
    hfi.knobs.token = "needed"
    boifi_here("sweep", hfi.url, check=1)
    monkeypatch.setenv("BOIFI_EXECUTOR_TOKEN", "needed")
    done = boifi_here("sweep", hfi.url, check=0)
    assert "removed boifi-0123abcd-0001" in done.stdout
    assert set(hfi.active()) == {"other"}
