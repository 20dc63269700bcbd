"""After a failure the target is waited for until it is as before; real control planes on loopback."""

import re
import time
from itertools import pairwise

import pytest
from hfi_landscape import landscape

from boifi_core.findings import Verdict
from boifi_core.models import SessionStatus
from boifi_core.report.session_report import stored_catalogue
from boifi_core.session.events import Note, listening

pytestmark = pytest.mark.usefixtures("prefect_server")

HEALTHY = landscape([])


def test_a_target_that_comes_back_is_waited_for_and_one_that_does_not_is_a_finding_that_ends_the_session(hfi, run):
    broken = {**HEALTHY, "status_code": 500, "error_rate": 1.0}
    last_fault = [float("-inf")]

    def respond(faults, heals_after_s):
        if faults:
            last_fault[0] = time.monotonic()
        return broken if time.monotonic() - last_fault[0] < heals_after_s else HEALTHY

    hfi.respond = lambda faults: respond(faults, 0.4)
    _, state, trials = run(hfi.url, total_trials=3, initial_points=3)
    assert state.status is SessionStatus.COMPLETED
    gaps = [(b.started_at - a.finished_at).total_seconds() for a, b in pairwise(trials)]
    assert all(gap > 0.2 for gap in gaps)
    assert all(trial.healed_ms > 200 for trial in trials)

    last_fault[0] = float("-inf")
    hfi.respond = lambda faults: respond(faults, 3600)
    folder, state, trials = run(hfi.url, recovery={"after_severity": 5, "timeout_s": 0.5})
    assert state.status is SessionStatus.COMPLETED
    assert re.match(r"the target did not come back within 0.5 s of trial 1: severity \d", state.reason)
    (only,) = stored_catalogue(folder).modes
    assert (len(trials), only.label, only.verdict, only.severity) == (1, "F1", Verdict.STAYS_DOWN, 10.0)


def test_what_hurts_only_when_its_fault_is_over_is_seen_after_a_trial_of_the_screen(hfi, run):
    struck = []

    def respond(faults):
        struck.extend(faults)
        return {**HEALTHY, "status_code": 500, "error_rate": 1.0} if struck and not faults else HEALTHY

    hfi.respond = respond
    folder, state, trials = run(hfi.url, total_trials=10, screen={"share": 0.5}, recovery={"timeout_s": 0.5})
    assert (state.status, len(trials), trials[0].severity) == (SessionStatus.COMPLETED, 1, 0.0)
    assert (trials[0].phase, trials[0].stays_down) == ("screen", True)
    assert [mode.trials for mode in stored_catalogue(folder).modes] == [(1,)]


def test_a_target_that_nobody_can_observe_any_more_is_no_finding(hfi, run):
    def respond(faults):
        hfi.knobs.observations = not faults  # from the first fault on there are none
        return {**HEALTHY, "error_rate": 0.9, "status_code": 500} if faults else HEALTHY

    hfi.respond = respond
    folder, state, _ = run(hfi.url, recovery={"timeout_s": 0.5})
    assert state.status is SessionStatus.FAILED
    assert state.reason.startswith("the target did not recover within 0.5 s of trial 1: ")
    assert all(mode.verdict is not Verdict.STAYS_DOWN for mode in stored_catalogue(folder).modes)


def observations(hfi):
    return len([each for each in hfi.requests("GET") if "observations" in each.path])


@pytest.mark.parametrize(
    "left", [{"error_rate": 0.2}, {"latency_ms": 900.0}, {"logs": ["ERROR the breaker is open"]}], ids=str
)
def test_p15_what_outlives_a_mild_failure_is_waited_out(hfi, run, left):
    last_fault = [float("-inf")]

    def respond(faults):
        if faults:
            last_fault[0] = time.monotonic()
            return {**HEALTHY, "error_rate": 0.3}
        return {**HEALTHY, **left} if time.monotonic() - last_fault[0] < 0.5 else HEALTHY

    hfi.respond = respond
    _, state, trials = run(hfi.url, total_trials=3, initial_points=3)
    assert state.status is SessionStatus.COMPLETED
    assert all(0.5 < trial.severity < 5 for trial in trials)
    gaps = [(b.started_at - a.finished_at).total_seconds() for a, b in pairwise(trials)]
    assert all(gap > 0.3 for gap in gaps)


def test_p15_a_harmless_trial_costs_nothing_and_a_severity_in_the_file_holds(hfi, run):
    hfi.respond = lambda faults: HEALTHY
    run(hfi.url, total_trials=4, initial_points=4)
    assert observations(hfi) == 1 + 4
    hfi.respond = lambda faults: {**HEALTHY, "error_rate": 0.3} if faults else HEALTHY
    run(hfi.url, total_trials=4, initial_points=4, recovery={"after_severity": 5})
    assert observations(hfi) == 2 * (1 + 4)


def test_p15_what_stays_after_a_mild_failure_is_told_once_and_ends_nothing(hfi, run):
    struck, told = [], []

    def respond(faults):
        struck.extend(faults)
        return {**HEALTHY, "error_rate": 0.3 if faults else 0.2 if struck else 0.0}

    hfi.respond = respond
    with listening(told.append):
        _, state, trials = run(hfi.url, total_trials=3, initial_points=3, recovery={"timeout_s": 0.5})
    assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 3)
    notes = [event.text for event in told if isinstance(event, Note) and "as before" in event.text]
    assert len(notes) == 1
    assert [trial.aftermath and trial.aftermath.is_down for trial in trials] == [False, None, None]
    assert re.match(r"the target is not as before within 0.5 s of trial 1: severity \d\.\d without a fault", notes[0])
