"""Sessions on a machine that is paused, or whose clock is set: what is measured meanwhile counts nowhere."""

import time

import pytest
from hfi_landscape import landscape

from boifi_core.models import SessionStatus, TrialStatus
from boifi_core.safety import pauses
from boifi_core.session.events import Note, Recorded, listening

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def jump(monkeypatch):
    """Lets the clocks jump, as they do over a pause: by so many seconds, the time of day by others."""
    now, ahead = pauses._Look.now, [0.0, 0.0]

    def look():
        real = now()
        return pauses._Look(real.clock + ahead[0], real.waits, real.day + ahead[0] + ahead[1])

    def jump(paused_s=0.0, set_s=0.0):
        ahead[0] += paused_s
        ahead[1] += set_s

    monkeypatch.setattr(pauses._Look, "now", look)
    return jump


def posted(hfi):
    """The numbers of the trials whose policies were applied, in order."""
    return [int(post.body["metadata"]["name"].split("-")[2]) for post in hfi.injected()]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"paused_s": 55.0}, "trial 3 is made again: the machine was paused for 55 s while it was measured"),
        ({"set_s": -7200.0}, "trial 3 is made again: the machine's clock was set, by 7200 s while it was measured"),
    ],
)
def test_a_trial_that_a_pause_fell_into_is_made_again_and_the_first_try_counts_nowhere(hfi, run, jump, how, words):
    alone = run(hfi.url, total_trials=6)[2]
    seen = len(hfi.injected())

    def respond(faults):
        if faults and posted(hfi)[seen:].count(3) == 1 and not jumped:
            jumped.append(True)
            jump(**how)
            return {**landscape(faults), "status_code": 503, "error_rate": 1.0}
        return landscape(faults)

    jumped, told = [], []
    hfi.respond = respond
    with listening(told.append):
        _, state, trials = run(hfi.url, total_trials=6)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 6 trials made")
    assert posted(hfi)[seen:] == [1, 2, 3, 3, 4, 5, 6]
    assert [(t.point, t.severity, t.status) for t in trials] == [(t.point, t.severity, t.status) for t in alone]
    assert [event.text for event in told if isinstance(event, Note)] == [words]
    assert state.errors == (words,)
    assert hfi.active() == {}


def test_a_pause_while_the_target_is_observed_without_a_fault_is_no_unhealthy_target(hfi, run, jump):
    def respond(faults):
        if not faults and len(jumped) < 2:
            jumped.append(True)
            jump(paused_s=20.0)
            return {**landscape([]), "status_code": 503, "error_rate": 1.0}
        return landscape(faults)

    jumped, told = [], []
    hfi.respond = respond
    with listening(told.append):
        _, state, trials = run(hfi.url, total_trials=6)
    assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 6)
    assert all(trial.status is TrialStatus.SCORED for trial in trials)
    again = "baseline 1: the machine was paused for 20 s; the target is observed again"
    assert [event.text for event in told if isinstance(event, Note)] == [again, again]


def test_a_pause_while_recovery_is_waited_for_begins_the_wait_anew(hfi, run, jump):
    """The target stays down for longer than the wait, most of which the machine stood still."""
    recovers_at = []

    def respond(faults):
        if faults:
            recovers_at[:] = [time.monotonic() + 2.5]
            return {**landscape([]), "status_code": 503, "error_rate": 1.0}
        if recovers_at and time.monotonic() < recovers_at[0]:
            if not jumped and time.monotonic() > recovers_at[0] - 1.5:
                jumped.append(True)
                jump(paused_s=55.0)
            return {**landscape([]), "status_code": 503, "error_rate": 1.0}
        return landscape(faults)

    jumped = []
    hfi.respond = respond
    _, state, _ = run(hfi.url, total_trials=1, initial_points=1, recovery={"timeout_s": 2})
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 1 trial made")


def test_a_machine_that_never_keeps_still_is_the_reason_of_a_failed_trial(hfi, run, jump, monkeypatch):
    from flows import running

    monkeypatch.setattr(running, "MOST_PAUSES", 2)

    def respond(faults):
        if faults and set(posted(hfi)) == {1}:
            jump(paused_s=3.0)
        return landscape(faults)

    hfi.respond = respond
    _, state, trials = run(hfi.url, total_trials=2, initial_points=2)
    assert posted(hfi) == [1, 1, 1, 2]
    assert [trial.status for trial in trials] == [TrialStatus.FAILED, TrialStatus.SCORED]
    assert trials[0].reason == "the machine was paused for 3 s while it was measured"
    assert trials[0].observation is None
    assert state.status is SessionStatus.COMPLETED


def test_a_stop_asked_for_over_a_pause_ends_after_the_trial(hfi, run, jump, tmp_path):
    def respond(faults):
        if faults and posted(hfi) == [1, 2]:
            jump(paused_s=30.0)
            (folder,) = (tmp_path / "sessions").iterdir()
            (folder / "stop").touch()
        return landscape(faults)

    hfi.respond = respond
    _, state, trials = run(hfi.url)
    assert (state.status, state.reason, len(trials)) == (SessionStatus.COMPLETED, "stopped", 2)


def test_time_that_a_machine_stood_still_does_not_count_in_the_sessions_own(hfi, run, jump, monkeypatch):
    # A jump of the tests' kind is one of a machine that slept: its waits stood still. One of a stopped process is not.
    paused = []
    lost = pauses.lost

    def lost_too():
        return lost() + pauses.Lost(of_waits_s=sum(paused))

    monkeypatch.setattr(pauses, "lost", lost_too)
    began = time.monotonic

    monkeypatch.setattr(pauses.time, "monotonic", lambda: began() + sum(paused))

    def stand_still(event):
        if isinstance(event, Recorded) and event.trial.trial == 1:
            paused.append(1000.0)

    with listening(stand_still):
        _, state, trials = run(hfi.url, total_trials=3, initial_points=3, guardrails={"max_duration_s": 500})
    assert (state.status, state.reason, len(trials)) == (SessionStatus.COMPLETED, "all 3 trials made", 3)


def test_a_trial_whose_clock_was_set_between_its_ends_took_no_time_beyond_its_steps(hfi, run):
    from boifi_core.session.budget import Budget
    from boifi_core.session.stored import stored_config

    folder, _, trials = run(hfi.url, total_trials=2, initial_points=2)
    turned = [t.model_copy(update={"started_at": t.finished_at, "finished_at": t.started_at}) for t in trials]
    config = stored_config(folder)
    assert 0 < Budget.of(config, turned).took_s == Budget.of(config, trials).took_s
