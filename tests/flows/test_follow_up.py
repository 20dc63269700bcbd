"""What a session does with the failures that it found: measures them again, and makes their faults smaller."""

import shutil

import pytest
from hfi_landscape import landscape

from boifi_core.models import SessionStatus
from boifi_core.report.session_report import stored_catalogue
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session, resume_session
from boifi_core.session.stored import read_trials

pytestmark = pytest.mark.usefixtures("prefect_server")

HEALTHY = landscape([])
FOLLOWED = {
    "total_trials": 20,
    "confirm": {"share": 0.3, "readings": 4},
    "minimise": {"share": 0.3},
    "recovery": {"hold_s": 0},  # it takes two seconds for each failure, see `test_healing.py`
}


def reasons(trials):
    return [trial.why.reason for trial in trials if trial.why.reason in ("verify", "minimise")]


def test_what_failed_is_measured_again_beside_fault_free_runs_and_then_made_smaller(hfi, run):
    folder, state, trials = run(hfi.url, **FOLLOWED)
    assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 20)
    made = reasons(trials)
    assert made == sorted(made, reverse=True)
    assert {"verify", "minimise"} == set(made)
    began = next(place for place, trial in enumerate(trials) if trial.why.reason == "verify")
    followed = trials[began : began + len(made)]
    assert [trial.why.reason for trial in followed] == made
    assert began + len(made) > 20 - 5, "what would leave a failure half known goes back to the search, and no more"
    for trial in followed:
        of = trials[trial.why.nearest[0].trial - 1]
        if trial.why.reason == "verify":
            assert (trial.phase, trial.point, trial.plans) == ("confirm", of.point, of.plans)
            assert trial.control.severity == 0.0
        else:
            # The window in which the target was seen to be back after the trial before it.
            assert (trial.phase, trial.control.severity) == ("minimise", 0.0)
            assert len(trial.plans) == len(of.plans) == 1
            before, after = of.plans[0], trial.plans[0]
            assert (after.percentage, after.delay_ms or 0) != (before.percentage, before.delay_ms or 0)
            assert (after.delay_ms or 0) <= (before.delay_ms or 0)
            # A delay's threshold is measured with as many requests as may be.
            assert before.delay_ms is not None or after.percentage <= before.percentage
    found = stored_catalogue(folder)
    assert any(mode.confirmation is not None for mode in found.modes)
    assert hfi.active() == {}


def test_nothing_is_confirmed_where_nothing_fails(hfi, run):
    hfi.respond = lambda _faults: HEALTHY
    folder, state, trials = run(hfi.url, **FOLLOWED)
    assert (state.status, len(trials), reasons(trials)) == (SessionStatus.COMPLETED, 20, [])
    assert stored_catalogue(folder).modes == ()


def test_a_space_that_is_exhausted_is_followed_up_too(hfi, run):
    dimensions = [
        {"name": "fault_type", "type": "categorical", "values": ["abort"]},
        {"name": "target_path", "type": "categorical", "values": ["/reviews", "/details"]},
        {"name": "percentage", "type": "categorical", "values": [10, 100]},
    ]
    changes = {**FOLLOWED, "total_trials": 30, "initial_points": 2, "search_space": {"dimensions": dimensions}}
    _, state, trials = run(hfi.url, **changes)
    assert state.reason == "every point of the search space was tried"
    assert set(reasons(trials)) == {"verify", "minimise"}


def test_a_session_that_is_resumed_goes_on_where_its_follow_up_was(hfi, tmp_path, session_data):
    from flows.session import session

    config = parse_session(session_data(hfi.url, **FOLLOWED))
    whole = make_session(tmp_path / "whole", config)
    session(str(whole.path), return_state=True)
    wanted = [(t.plans, t.why.reason) for t in read_trials(whole, config)]
    for cut in (13, 15, 18):
        folder = make_session(tmp_path / str(cut), config)
        folder.history.mkdir(parents=True, exist_ok=True)
        for part in sorted(whole.history.glob("part-*.parquet"))[: cut + 1]:
            shutil.copy(part, folder.history)
        resume_session(folder, config)
        session(str(folder.path), return_state=True)
        assert [(t.plans, t.why.reason) for t in read_trials(folder, config)] == wanted


def test_p10_what_is_left_of_a_budget_goes_into_the_failures_of_a_space_that_is_used_up(hfi, run):
    dimensions = [
        {"name": "fault_type", "type": "categorical", "values": ["abort"]},
        {"name": "target_path", "type": "categorical", "values": ["/reviews", "/details", "/ratings"]},
        {"name": "abort_status_code", "type": "categorical", "values": [429, 500, 503]},
    ]
    shares = {"confirm": {"share": 0.05}, "minimise": {"share": 0.05}}
    changes = {**shares, "total_trials": 60, "initial_points": 3, "search_space": {"dimensions": dimensions}}
    folder, state, trials = run(hfi.url, **changes)
    assert state.reason == "every point of the search space was tried"
    assert len(trials) > 9 + 6, "the shares alone"
    modes = stored_catalogue(folder).modes
    assert len(modes) > 1
    assert all(mode.confirmation is not None for mode in modes)
