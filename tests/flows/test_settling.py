"""F4: what is stored is not in force yet. Real control planes on loopback that answer at once and act later."""

import json
import re
import time

import pandas as pd
import pytest
from hfi_landscape import landscape
from hfi_server import HfiServer
from lagging_mesh import LaggingMesh

from boifi_core.models import SessionStatus, TrialStatus
from boifi_core.session.config import parse_session
from boifi_core.session.events import Settled, listening
from boifi_core.session.make import make_session, resume_session
from boifi_core.session.stored import read_trials

pytestmark = pytest.mark.usefixtures("prefect_server")

SPACE = [
    {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
    {"name": "delay_ms", "type": "integer", "min": 100, "max": 2000,
     "condition": {"field": "fault_type", "operator": "equals", "value": "delay"}},
    {"name": "abort_status_code", "type": "categorical", "values": [503],
     "condition": {"field": "fault_type", "operator": "equals", "value": "abort"}},
]  # fmt: skip


@pytest.fixture
def settled(tmp_path):
    """Run a session of 12 trials that says nothing of lags; returns its folder, state, trials, and what was told."""

    def run(mesh, executor=None, **changes):
        from flows.session import session

        config = parse_session(
            {
                "executor": {"endpoint": mesh.url, "timeout_s": 10, **(executor or {})},
                "observer": {"type": "probe", "requests": [{"url": f"{mesh.url}/"}], "count": 30, "concurrency": 5},
                "search_space": SPACE,
                "total_trials": 12,
                "initial_points": 6,
                "seed": 3,
                "confirm": {"share": 0},
                "minimise": {"share": 0},
                **changes,
            }
        )
        folder, told = make_session(tmp_path, config), []
        with listening(told.append):
            session(str(folder.path), return_state=True)
        return folder, folder.state(), read_trials(folder, config), told

    return run


def is_its_own(trial):
    """Whether what a trial saw is what its own fault does, and nothing of its neighbour's."""
    (plan,), seen = trial.plans, trial.observation
    if plan.abort_status_code is not None:
        return (seen.status_code, seen.error_rate) == (503, 1.0) and seen.latency_ms < plan.abort_status_code
    return (seen.status_code, seen.error_rate) == (200, 0.0) and plan.delay_ms <= seen.latency_ms < plan.delay_ms + 400


@pytest.mark.slow
def test_f4_the_lag_is_found_waited_for_and_told(settled):
    with LaggingMesh(hold_s=1.5, go_s=1.5) as mesh:
        folder, state, trials, told = settled(mesh)
    assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 12)
    assert {trial.plans[0].fault_type for trial in trials} == {"delay", "abort"}
    assert all(map(is_its_own, trials))
    (text,) = (event.text for event in told if isinstance(event, Settled))
    assert re.fullmatch(
        r"faults take hold after [12]\.\d s and let go after [12]\.\d s; every trial waits for that", text
    )
    assert f"settle {text}" in state.remarks
    assert text in (folder.path / "report.md").read_text()
    settling = pd.read_parquet(folder.history).iloc[0]
    assert (settling["trial"], settling["phase"], settling["reason"]) == (0, "settle", text)
    assert pd.isna(settling["severity"]), "or it would be the worst of all to whoever sorts them"
    assert 1300 < settling["in_force_ms"] < 2500
    assert 1300 < settling["gone_ms"] < 2500
    assert all(trial.in_force_ms >= settling["in_force_ms"] for trial in trials)
    assert mesh.listed() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "lags", [{"hold_s": 0.3, "go_s": 2.5}, {"again_s": 1.0}], ids=["longer to go", "asks now and then"]
)
def test_f4_other_lags(settled, lags):
    with LaggingMesh(**lags) as mesh:
        _, state, trials, _ = settled(mesh, total_trials=6)
    assert state.status is SessionStatus.COMPLETED
    assert all(map(is_its_own, trials))
    assert mesh.listed() == []


def test_f4_a_control_plane_that_acts_at_once_costs_one_short_trial_and_nothing_later(settled):
    with LaggingMesh() as mesh:
        folder, state, trials, told = settled(mesh, total_trials=3, initial_points=3)
    prefix = f"boifi-{folder.session_id[:8]}-"
    posts = [each.removeprefix(f"POST {prefix}") for each in mesh.trail if each.startswith("POST")]
    assert posts == ["0000", "0000-1", "0001", "0002", "0003"]
    assert all(map(is_its_own, trials))
    assert [trial.in_force_ms for trial in trials] == [None] * 3
    assert (state.progress.current_iteration, len(state.progress.history)) == (3, 3)
    assert [e.text for e in told if isinstance(e, Settled)] == ["faults take hold and let go at once"]


def test_f4_it_is_measured_once_and_not_again_on_resume(settled):
    from flows.session import session

    with LaggingMesh() as mesh:
        folder, _, _, _ = settled(mesh, total_trials=2, initial_points=2)
        config = parse_session(json.loads((folder.path / "session.json").read_text())["config"])
        resume_session(folder, config.model_copy(update={"total_trials": 3}))
        mesh.trail.clear()
        session(str(folder.path), return_state=True)
        assert folder.state().progress.current_iteration == 3
        names = [each.rpartition("-")[2] for each in mesh.trail if each.startswith("POST")]
        assert names == ["0000", "0003"], "the first look and the third trial"


def test_f4_settle_s_overrules_it(settled):
    with LaggingMesh(hold_s=0.3, go_s=0.3) as mesh:
        folder, _, trials, told = settled(mesh, {"settle_s": 0.5}, total_trials=3, initial_points=3)
    assert not [event for event in told if isinstance(event, Settled)]
    assert not [each for each in mesh.trail if "-0000-" in each]
    assert all(map(is_its_own, trials))
    assert all(490 <= trial.in_force_ms < 1000 for trial in trials)
    assert list(pd.read_parquet(folder.history)["trial"]) == [1, 2, 3]


def lagging(hfi, lag_s):
    """Let the control plane's own windows see what it is told so much later."""
    changes, apply, clear = [(0.0, [])], hfi.apply, hfi.clear

    def noted(call):
        def change(what):
            call(what)
            changes.append((time.monotonic() + lag_s, hfi.faults()))

        return change

    hfi.apply, hfi.clear = noted(apply), noted(clear)
    hfi.respond = lambda _: landscape([faults for at, faults in changes if at <= time.monotonic()][-1])


@pytest.mark.slow
def test_f4_the_control_planes_own_windows_wait_as_well(hfi, run):
    with HfiServer() as quick:
        _, _, wanted = run(quick.url, total_trials=6)
    lagging(hfi, 0.7)
    folder, state, trials = run(hfi.url, executor={"settle_s": "auto"}, total_trials=6)
    assert [trial.point for trial in trials] == [trial.point for trial in wanted]
    assert [trial.severity for trial in trials] == [trial.severity for trial in wanted]
    assert "settle faults take hold after 0." in state.remarks[0]
    assert pd.read_parquet(folder.history)["in_force_ms"].iloc[0] >= 700


def test_f13_an_effect_that_nobody_sees_is_said(settled, monkeypatch):
    monkeypatch.setattr("flows.settling.LIMIT_S", 0.5)
    with LaggingMesh(deaf=True) as mesh:
        folder, state, trials, told = settled(mesh, total_trials=3, initial_points=3)
    assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 3)
    (event,) = (event for event in told if isinstance(event, Settled))
    assert event.is_warning
    assert event.text.startswith("no effect seen within 0.5 s: abort 503 on /, 100 %; delay ")
    assert "does the control plane reach this traffic?" in event.text
    assert "no effect seen within 0.5 s" in (folder.path / "report.md").read_text()
    (row,) = pd.read_parquet(folder.history).query("phase == 'settle'").to_dict("records")
    assert row["reason"] == event.text


def test_f16_a_fault_that_is_not_removed_is_reported_though_the_answer_is_200(settled, monkeypatch):
    monkeypatch.setattr("flows.running.CLEAR_TIMEOUT_S", 1.0)
    with LaggingMesh() as mesh:

        def sign_out(event):
            if type(event).__name__ == "Observed" and event.trial == 4:
                mesh.signed_out = True

        with listening(sign_out):
            _, state, trials, _ = settled(mesh)
    assert state.status is SessionStatus.FAILED
    assert [trial.status for trial in trials] == [TrialStatus.SCORED] * 4
    assert "-0004 is not removed: DELETE" in trials[3].reason
    assert "-0004 is not removed: DELETE" in state.reason
    assert "answered 200 with what is no JSON" in state.reason
