"""What becomes of a flow run: every combination of what Prefect says, what the folder says, and who lives."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from prefect.client.schemas.objects import StateType

from boifi_core.models import OptimizationProgress, SessionState, SessionStatus
from deployments.reconcile.decide import AHEAD_S, MAX_DEATHS, STARTING_S, Act, Seen, decide, in_state_s

LIVE = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


def session(status):
    if status is None:
        return None
    now = datetime.now(UTC)
    progress = OptimizationProgress(current_iteration=0, total_iterations=1)
    return SessionState(
        session_id="1", name="one", status=status, created_at=now, updated_at=now, progress=progress, reason="why"
    )


def seen(prefect, status=SessionStatus.RUNNING, **more):
    facts = {"message": "", "in_state_s": 3600.0, "is_held": False, "is_over": False, "deaths": 1, **more}
    return Seen(prefect=prefect, session=session(status), **facts)


@pytest.mark.parametrize("prefect", StateType)
@pytest.mark.parametrize("status", [None, *SessionStatus])
def test_a_run_that_somebody_holds_is_left_alone(prefect, status):
    assert decide(seen(prefect, status, is_held=True, deaths=99)).act is Act.LEAVE


def test_no_session_is_run_again_that_has_ended_or_is_to_end():
    for prefect, status in product(StateType, [SessionStatus.COMPLETED, SessionStatus.FAILED]):
        assert decide(seen(prefect, status)).act in (Act.LEAVE, Act.TELL_PREFECT)
    for prefect in (StateType.CANCELLED, StateType.CANCELLING):
        assert decide(seen(prefect)) == decide(seen(prefect, None)) != Act.RUN_AGAIN
        assert (decide(seen(prefect)).act, decide(seen(prefect)).reason) == (Act.END_SESSION, "cancelled")


@pytest.mark.parametrize("status", [None, SessionStatus.PENDING, SessionStatus.RUNNING, SessionStatus.STOPPING])
def test_a_session_whose_process_is_gone_goes_on_until_it_has_died_too_often(status):
    for prefect in (StateType.CRASHED, StateType.RUNNING, StateType.PENDING):
        assert decide(seen(prefect, status, deaths=MAX_DEATHS)).act is Act.RUN_AGAIN
        ended = decide(seen(prefect, status, deaths=MAX_DEATHS + 1, message="killed"))
        assert ended.act is Act.END_SESSION
        assert ended.reason == f"its process died {MAX_DEATHS + 1} times without a new trial: killed"


def test_a_run_may_be_pending_for_as_long_as_its_pod_may_take_to_start():
    waiting = {"in_state_s": 600.0, "status": None}
    assert decide(seen(StateType.PENDING, pending_s=900.0, **waiting)).act is Act.LEAVE
    assert decide(seen(StateType.PENDING, pending_s=900.0, status=None, in_state_s=901.0)).act is Act.RUN_AGAIN
    assert decide(seen(StateType.PENDING, **waiting)).act is Act.RUN_AGAIN
    assert decide(seen(StateType.RUNNING, pending_s=900.0, **waiting)).act is Act.RUN_AGAIN


@pytest.mark.parametrize("prefect", LIVE)
def test_a_run_that_may_just_be_starting_or_ending_is_given_time_unless_its_process_is_gone(prefect):
    for status in (SessionStatus.COMPLETED,) if prefect is StateType.CANCELLING else (None, SessionStatus.COMPLETED):
        assert decide(seen(prefect, status, in_state_s=STARTING_S - 1)).act is Act.LEAVE
        assert decide(seen(prefect, status, in_state_s=STARTING_S - 1, is_over=True)).act is not Act.LEAVE
        assert decide(seen(prefect, status, in_state_s=STARTING_S + 1)).act is not Act.LEAVE


def test_what_ended_in_prefect_by_another_hand_ends_the_session_with_what_prefect_says():
    assert decide(seen(StateType.FAILED, message="no such thing")).reason == "no such thing"
    assert decide(seen(StateType.COMPLETED)).reason == "its flow run ended COMPLETED by another's hand"


@pytest.mark.parametrize("status", [None, *SessionStatus])
def test_what_is_scheduled_or_paused_waits(status):
    assert decide(seen(StateType.SCHEDULED, status)).act is Act.LEAVE
    assert decide(seen(StateType.PAUSED, status)).act is Act.LEAVE


def test_a_state_of_before_the_clock_was_set_back_is_an_old_one():
    now = datetime.now(UTC)
    assert in_state_s(now - timedelta(seconds=90)) > STARTING_S
    assert in_state_s(now + timedelta(hours=2)) > STARTING_S
    assert in_state_s(now + timedelta(seconds=1)) < STARTING_S


def test_a_run_that_would_wait_for_a_clock_that_was_set_back_starts_now():
    ahead = {"starts_in_s": 7200.0, "status": None}
    assert decide(seen(StateType.SCHEDULED, **ahead)).act is Act.RUN_AGAIN
    assert decide(seen(StateType.SCHEDULED, is_held=True, **ahead)).act is Act.LEAVE
    assert decide(seen(StateType.SCHEDULED, status=None, starts_in_s=AHEAD_S - 1)).act is Act.LEAVE


def test_what_prefect_says_of_a_dead_process_is_told_in_words():
    said = "Execution was aborted by a termination signal."
    ended = decide(seen(StateType.CRASHED, deaths=MAX_DEATHS + 1, message=said))
    assert ended.reason.endswith("without a new trial: it was told to end, by SIGTERM")
