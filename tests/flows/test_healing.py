"""A target that stays down after a fault of two seconds: found, told, and what the session does then."""

import re

import pandas as pd
import pytest
from fragile_mesh import FragileMesh

from boifi_core.findings import Verdict
from boifi_core.models import SessionStatus
from boifi_core.report.session_report import render, stored_catalogue
from boifi_core.session.make import resume_session
from boifi_core.session.stored import read_trials, stored_config
from cli.run import exit_status

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

REFUSED = {
    "executor": {"settle_s": 0},
    "search_space": {
        "dimensions": [{"name": "percentage", "type": "integer", "min": 60, "max": 100}],
        "fixed": {"fault_type": "abort", "abort_status_code": 503},
    },
    "total_trials": 10,
    "initial_points": 4,
    "confirm": {"share": 0.4},
    "recovery": {"timeout_s": 1},
}


def goes_on(folder):
    from flows.session import session

    resume_session(folder, stored_config(folder))
    session(str(folder.path), return_state=True)
    return folder.state(), read_trials(folder, stored_config(folder))


def test_a_fault_of_two_seconds_after_which_the_target_stays_down_is_the_first_finding(settled):
    with FragileMesh(stands_s=1.5) as mesh:
        folder, state, trials, _ = settled(mesh, **REFUSED)
        assert state.status is SessionStatus.COMPLETED, state.reason
        assert state.reason.startswith(f"the target did not come back within 1 s of trial {len(trials)}: severity ")
        assert (state.error_message, len(trials) < 10, mesh.listed()) == (None, True, [])
        last = trials[-1]
        assert last.why.reason == "verify"
        assert [trial.stays_down for trial in trials] == [*[False] * (len(trials) - 1), True]
        assert all(trial.healed_ms is not None for trial in trials[:-1]), "it did come back from shorter ones"
        assert (last.healed_ms, last.held_ms >= 2000, last.aftermath.observation.status_code) == (None, True, 503)

        (worst, *others) = stored_catalogue(folder).modes
        assert (worst.verdict, worst.severity, worst.trials) == (Verdict.STAYS_DOWN, 10.0, (last.trial,))
        says = r"the target does not come back within \d+ ms after the fault is gone; most requests get 503; “.*”"
        assert re.fullmatch(says, worst.sentence)
        assert all(mode.severity <= 10 and mode.verdict is not Verdict.STAYS_DOWN for mode in others)
        assert others, "what the fault does while it lasts is a failure as before"
        report = render(folder, "md")
        assert report.index("does not come back") < report.index(others[0].label)
        assert f"F{last.trial}: the target does not come back" in render(folder, "junit")
        assert (
            exit_status(state, None, stored_catalogue(folder)),
            exit_status(state, 10, stored_catalogue(folder)),
        ) == (0, 3)
        row = pd.read_parquet(folder.history).iloc[-1]
        assert pd.isna(row["healed_ms"])
        assert '"is_down":true' in row["aftermath"]

        state, _ = goes_on(folder)  # nobody has restarted it
        assert (state.status, "the target is not healthy without a fault" in state.reason) == (
            SessionStatus.FAILED,
            True,
        )
        assert stored_catalogue(folder).modes[0].verdict is Verdict.STAYS_DOWN

        mesh.restart()
        state, trials = goes_on(folder)
        assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 10), state.reason
        assert [trial.trial for trial in trials if trial.stays_down] == [last.trial], "it is not brought down again"
        assert stored_catalogue(folder).modes[0] == worst

        from flows.replay import replay

        assert replay(str(folder.path), last.trial, return_state=True).is_completed()
        assert stored_catalogue(folder).modes[0].trials == (last.trial, 11), "a replay holds the fault as long as then"


def test_without_a_hold_no_fault_is_longer_than_its_window(settled):
    with FragileMesh(stands_s=1.5) as mesh:
        _, state, trials, _ = settled(mesh, **{**REFUSED, "recovery": {"hold_s": 0}})
    assert (state.status, len(trials), state.reason) == (SessionStatus.COMPLETED, 10, "all 10 trials made")
    assert {trial.held_ms for trial in trials} == {None}
