"""After a failure the target is waited for until it is as before; real control planes on loopback."""

import re
import time
from itertools import pairwise

import pytest
from hfi_landscape import landscape

from boifi_core.models import SessionStatus
from boifi_core.session.events import Note, listening

pytestmark = pytest.mark.usefixtures("prefect_server")

HEALTHY = landscape([])


def test_a_target_that_comes_back_is_waited_for_and_one_that_does_not_ends_the_session(hfi, run):
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

    last_fault[0] = float("-inf")
    hfi.respond = lambda faults: respond(faults, 3600)
    _, state, trials = run(hfi.url, recovery={"after_severity": 5, "timeout_s": 0.5})
    assert state.status is SessionStatus.FAILED
    assert re.search(r"did not recover within 0.5 s of trial 1: severity \d", state.reason)
    assert len(trials) == 1


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
    assert re.match(r"the target is not as before within 0.5 s of trial 1: severity \d\.\d without a fault", notes[0])
