"""The screen in whole sessions: what it takes, what it leaves, what is told of it, and that a killed one goes on."""

import io
import json
from collections import Counter

import pytest
from planted import DIMENSIONS, SERVICES, Weakness, planted_session
from rich.console import Console

from boifi_core.models import SessionStatus
from boifi_core.report.session_report import render
from boifi_core.session.opening import open_session
from boifi_core.session.phases.plan import Plan
from boifi_core.session.turns import NOVEL
from cli.run import dry_run

ALL_SEARCH = {"confirm": {"share": 0}, "minimise": {"share": 0}, "initial_points": 4}
BOTH = {"optimizer": {"objective": "both"}, "screen": {"share": 0.5}, **ALL_SEARCH}
FRAIL = tuple(Weakness(service, kind, 1, 1) for service, kind in zip(SERVICES, ("delay", "abort") * 12, strict=True))


def reasons(session):
    return Counter(trial.why.reason for trial in session.trials)


def remarks(session):
    return dict(Plan().remarks(session))


def test_it_brings_out_a_weakness_of_each_service_in_two_trials_each(tmp_path):
    session = planted_session(tmp_path, FRAIL, 1, total_trials=96, most=48, **BOTH).session
    assert {trial.why.reason for trial in session.trials[:48]} == {"screen"}
    broken = {trial.plans[0].target_service for trial in session.trials[:48] if trial.severity}
    assert broken == {*SERVICES}
    assert len(session.found.modes) >= len(SERVICES) - 2


@pytest.mark.parametrize("most", [7, 28])
def test_a_session_that_is_resumed_goes_on_with_it(tmp_path, most):
    asked = {"total_trials": 50, "sample": {"share": 0.1}, **BOTH}
    whole = planted_session(tmp_path, FRAIL, 3, most=most + 1, **asked).session
    part = planted_session(tmp_path, FRAIL, 3, most=most, **asked).session
    with open_session(part.folder) as again:
        proposal = Plan().next(again)
    assert (proposal.point, proposal.why.reason) == (whole.trials[most].point, whole.trials[most].why.reason)


def test_no_fault_is_screened_twice_or_searched_again_as_new(tmp_path):
    session = planted_session(tmp_path, FRAIL, 2, total_trials=50, **BOTH).session
    assert reasons(session)[NOVEL] > 3
    tried = [json.dumps(trial.point, sort_keys=True) for trial in session.trials if trial.why.reason != "confirm"]
    assert len({*tried}) == len(tried)


def test_what_was_not_screened_is_told_once_it_is_over_and_stays_so(tmp_path):
    asked = {"total_trials": 40, **BOTH}
    session = planted_session(tmp_path, FRAIL, 1, most=19, **asked).session
    assert "screen" not in remarks(session)
    told = remarks(planted_session(tmp_path, FRAIL, 1, most=20, **asked).session)["screen"]
    assert told.startswith("over: 20 of 48 cells tried, left to the search: ")
    assert told.endswith(", … (28 in all)")
    assert told.count(", 100 %") == 6
    session = planted_session(tmp_path, FRAIL, 1, most=30, **asked).session
    assert remarks(session)["screen"] == told
    session.remarks = [f"screen {told}"]
    session.write_state(SessionStatus.COMPLETED, "all 40 trials made")
    for form in ("md", "html", "json"):
        assert "20 of 48 cells tried" in render(session.folder, form)


def test_where_all_was_screened_there_is_nothing_to_tell(tmp_path):
    few = [each | {"values": list(SERVICES[:3])} if each["name"] == "target_service" else each for each in DIMENSIONS]
    session = planted_session(tmp_path, FRAIL, 1, total_trials=40, search_space={"dimensions": few}, **BOTH).session
    assert reasons(session)["screen"] >= 6
    assert "screen" not in remarks(session)


def test_on_a_space_without_categories_it_steps_aside_and_costs_nothing(tmp_path):
    numbers = [each for each in DIMENSIONS if each["type"] == "integer"]
    numbers[1] = {name: value for name, value in numbers[1].items() if name != "condition"}
    space = {"dimensions": numbers, "fixed": {"fault_type": "delay", "target_service": SERVICES[0]}}
    asked = {"total_trials": 30, "search_space": space, **ALL_SEARCH}
    with_screen = planted_session(tmp_path, FRAIL, 1, screen={"share": 0.5}, **asked).session
    without = planted_session(tmp_path, FRAIL, 1, **asked).session
    assert [trial.point for trial in with_screen.trials] == [trial.point for trial in without.trials]
    assert remarks(with_screen)["screen"] == "left out: the space has hardly any categories"


def test_a_dry_run_prints_it_too(tmp_path):
    asked = {"total_trials": 30, "sample": {"share": 0.2}, **BOTH}
    session = planted_session(tmp_path, FRAIL, 1, most=4, **asked).session
    shown = io.StringIO()
    dry_run(session.config, [], Console(file=shown, width=200))
    printed = [line[6:].split(";")[0] for line in shown.getvalue().splitlines()]
    of_screen = [line for line, trial in zip(printed, session.trials, strict=True) if trial.why.reason == "screen"]
    assert len(of_screen) == 3
    assert all(line.endswith(" 100 %") for line in of_screen)
    drawn = [str(trial.plans[0]) for trial in session.trials if trial.why.reason == "sample"]
    assert [line for line in printed if line not in of_screen] == drawn
