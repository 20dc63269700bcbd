"""What somebody adds to a session from outside: a phase, and a handler of its events."""

import io
import logging

import pytest
from once_more_phase import OnceMore
from rich.console import Console

from boifi_core.models import SessionStatus
from boifi_core.report.events import Reported
from boifi_core.report.session_report import render
from boifi_core.session.events import (
    BaselineSeen,
    Began,
    Ended,
    InForce,
    Observed,
    PhaseRemark,
    Proposed,
    Recorded,
    Scored,
    listening,
)
from boifi_core.session.phases import plan
from boifi_core.session.phases.confirm import Confirm
from cli.terminal import Progress

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_a_phase_is_one_file_and_one_line_in_the_plan(hfi, run, monkeypatch):
    place = plan.PHASES.index(Confirm)
    monkeypatch.setattr(plan, "PHASES", [*plan.PHASES[:place], OnceMore, *plan.PHASES[place:]])
    _, state, trials = run(hfi.url, total_trials=8, initial_points=3, confirm={"share": 0.5}, recovery={"hold_s": 0})
    (more,) = (trial for trial in trials if trial.phase == "once_more")
    assert (more.point, more.plans) == (trials[0].point, trials[0].plans)
    # The search had its share before it.
    assert more.trial == 5
    assert (state.reason, len(trials)) == ("all 8 trials made", 8)


def test_a_phase_says_why_it_is_left_out_to_people_and_in_the_report(hfi, run, monkeypatch):
    monkeypatch.setattr(plan, "PHASES", [*plan.PHASES, OnceMore])
    shown = io.StringIO()
    with listening(Progress(Console(file=shown, width=120), 1)):
        folder, state, _ = run(
            hfi.url, total_trials=1, initial_points=1, confirm={"share": 0.3}, recovery={"hold_s": 0}
        )
    assert "once_more   left out: one trial is not enough\n" in shown.getvalue()
    assert "confirm     left out: confirm.share 0.3 of 1 trial is less than one\n" in shown.getvalue()
    assert "minimise    left out: minimise.share is 0\n" in shown.getvalue()
    assert "once_more left out: one trial is not enough" in state.remarks
    for form in ("md", "html"):
        assert "left out: one trial is not enough" in render(folder, form).replace("\\_", "_")


def test_a_search_that_ends_early_says_so_before_its_budget_does(hfi, run):
    told = []
    kinds = {"name": "fault_type", "type": "categorical", "values": ["abort"]}
    paths = {"name": "target_path", "type": "categorical", "values": ["/ratings", "/details"]}
    values = {"dimensions": [kinds, paths]}
    with listening(told.append):
        _, state, trials = run(
            hfi.url, search_space=values, total_trials=20, confirm={"share": 0.3}, recovery={"hold_s": 0}
        )
    remarks = {event.phase: event.why for event in told if isinstance(event, PhaseRemark)}
    assert remarks["search"] == "over early: every point of the search space was tried"
    assert state.reason == "every point of the search space was tried"
    assert [trial.phase for trial in trials][:2] == ["initial", "initial"]


def test_a_handler_hears_of_everything_and_one_that_fails_breaks_nothing_off(hfi, run, caplog, monkeypatch):
    told = []

    def fails(event):
        raise OSError("full disk")

    log = logging.getLogger("boifi.events")
    monkeypatch.setattr(log, "handlers", [caplog.handler])
    with listening(fails, told.append):
        folder, state, _ = run(hfi.url, total_trials=2, initial_points=2)
    assert state.status is SessionStatus.COMPLETED
    of_a_trial = [Proposed, InForce, Observed, Scored, Recorded]
    kinds = [type(event) for event in told if not isinstance(event, PhaseRemark)]
    assert kinds == [Began, BaselineSeen, *of_a_trial, *of_a_trial, Reported, Ended]
    assert {event.session_id for event in told} == {folder.session_id}
    assert told[-1].state.reason == "all 2 trials made"
    assert "Recorded" in caplog.text
