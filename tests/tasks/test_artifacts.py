"""What Prefect's UI is shown of a session."""

import json
import logging
from types import SimpleNamespace

import httpx
import pytest
from hfi_server import HfiServer
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.session.config import parse_session
from boifi_core.session.events import Ended, Recorded
from boifi_core.session.make import make_session

KINDS = {"progress": ["progress"], "findings": ["table"], "report": ["markdown"], "history": ["markdown"]}
"""Of each artifact; Prefect keeps a link as Markdown."""


@pytest.fixture
def artifacts(prefect_server):
    """The module: Prefect, imported with it, must find the server."""
    from tasks import artifacts

    return artifacts


@pytest.fixture
def of_key(prefect_server):
    """The versions of an artifact, oldest first."""

    def of_key(key):
        asked = {"artifacts": {"key": {"any_": [key]}}}
        found = httpx.post(f"{prefect_server}/artifacts/filter", json=asked).raise_for_status().json()
        return sorted(found, key=lambda artifact: artifact["created"])

    return of_key


@pytest.fixture
def run(tmp_path, session_data, prefect_server):
    def run(endpoint, **changes):
        from flows.session import session

        folder = make_session(tmp_path, parse_session(session_data(endpoint, **changes)))
        session(str(folder.path), return_state=True)
        return folder

    return run


def test_a_session_shows_its_progress_its_findings_its_report_and_its_history(run, of_key):
    with HfiServer() as hfi:
        folder = run(hfi.url, name="Shown: Böse Fehler", total_trials=8)
    shown = {what: of_key(f"boifi-shown-b-se-fehler-{what}") for what in KINDS}
    assert {what: [each["type"] for each in versions] for what, versions in shown.items()} == KINDS
    progress, findings, report, history = (versions[0] for versions in shown.values())
    assert (progress["data"], progress["description"]) == (100, f"8 of 8 trials of session {folder.session_id}")
    assert report["data"] == (folder.path / "report.md").read_text()
    assert (folder.path / "history").as_uri() in history["data"]
    rows = json.loads(findings["data"])
    assert rows
    assert all(f"| {row['failure']} | {row['severity']} | {row['verdict']} |" in report["data"] for row in rows)
    assert len({artifact["flow_run_id"] for artifact in (progress, findings, report, history)}) == 1


def test_sessions_of_one_name_share_their_keys(run, of_key):
    with HfiServer() as hfi:
        for seed in (1, 2):
            run(hfi.url, name="of one name", total_trials=5, seed=seed)
    assert [len(of_key(f"boifi-of-one-name-{what}")) for what in KINDS] == [2, 2, 2, 2]


def test_a_server_that_takes_no_artifacts_costs_the_session_nothing(run, of_key, artifacts, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise RuntimeError("no artifacts today")

    for name in ("create_progress_artifact", "create_table_artifact"):
        monkeypatch.setattr(artifacts, name, refuse)
    with HfiServer() as hfi:
        folder = run(hfi.url, name="refused", total_trials=5)
    assert folder.state().status == "COMPLETED"
    assert (folder.path / "report.html").exists()
    assert of_key("boifi-refused-report") == []


class Clock:
    """Time that passes only in updates, each of which takes `cost_s`."""

    def __init__(self, artifacts, monkeypatch, cost_s):
        self.now, self.cost_s, self.shown = 100.0, cost_s, []
        monkeypatch.setattr(artifacts, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(artifacts, "create_progress_artifact", self.create)
        monkeypatch.setattr(artifacts, "update_progress_artifact", self.update)

    def create(self, **fields):
        self.update("made", **fields)
        return "made"

    def update(self, _id, progress, **_fields):
        self.now += self.cost_s
        self.shown.append(progress)


def live(done=0, total=40):
    budget = SimpleNamespace(used=done, total=total)
    return SimpleNamespace(session_id="3f2a9c1e", budget=budget, config=SimpleNamespace(name="demo"))


RECORDED, ENDED = Recorded("3f2a9c1e", None), Ended("3f2a9c1e", None)


def test_telling_the_progress_takes_no_more_than_its_share(artifacts, monkeypatch):
    clock = Clock(artifacts, monkeypatch, cost_s=0.5)
    session = live()
    progress = artifacts.Progress(session)
    began, trial_s = clock.now, 2.0
    for n in range(1, 201):
        clock.now += trial_s
        session.budget.used = n
        progress(RECORDED)
    assert len(clock.shown) > 10
    assert clock.cost_s * len(clock.shown) <= artifacts.SHARE * (clock.now - began) + clock.cost_s


def test_the_end_is_shown_in_any_case(artifacts, monkeypatch):
    clock = Clock(artifacts, monkeypatch, cost_s=60.0)
    session = live()
    progress = artifacts.Progress(session)
    progress(RECORDED)
    session.budget.used = 44
    progress(RECORDED)
    assert clock.shown == [0.0]
    progress(ENDED)
    assert clock.shown == [0.0, 100.0]


def test_a_failed_update_is_logged_and_tried_again_later(artifacts, monkeypatch, caplog):
    clock = Clock(artifacts, monkeypatch, cost_s=0.01)
    monkeypatch.setattr(artifacts, "get_run_logger", lambda: logging.getLogger("test"))

    def fail(**_fields):
        clock.now += 1.0
        raise TimeoutError("no answer")

    monkeypatch.setattr(artifacts, "create_progress_artifact", fail)
    progress = artifacts.Progress(live(done=10))
    progress(RECORDED)
    assert "the progress is not shown: no answer" in caplog.text
    monkeypatch.setattr(artifacts, "create_progress_artifact", clock.create)
    progress(RECORDED)
    assert clock.shown == []
    clock.now += 1.0 / artifacts.SHARE
    progress(RECORDED)
    assert clock.shown == [25.0]


@given(st.text(min_size=1))
def test_every_name_makes_a_key_that_prefect_takes(prefect_server, name):
    from prefect.client.schemas.actions import ArtifactCreate

    from tasks.artifacts import artifact_key

    key = artifact_key(name, "report")
    assert ArtifactCreate(key=key).key == key == artifact_key(name, "report")
