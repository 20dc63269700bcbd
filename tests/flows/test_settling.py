"""F4: what is stored is not in force yet. Real control planes on loopback that answer at once and act later."""

import json
import time

import pandas as pd
import pytest
from hfi_landscape import landscape
from hfi_server import HfiServer
from lagging_mesh import LaggingMesh
from own_faults import is_its_own

from boifi_core.models import SessionStatus, TrialStatus
from boifi_core.session.config import parse_session
from boifi_core.session.events import Settled, listening
from boifi_core.session.make import resume_session

pytestmark = pytest.mark.usefixtures("prefect_server")


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
