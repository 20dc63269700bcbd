"""Slowness as long as the fault itself is no failure; what is longer is one."""

import pytest
from failures import HEALTHY, found, tried
from hypothesis import given
from hypothesis import strategies as st
from meshes import hop, page, window

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.catalogue import Evidence, catalogue


def late(ms, **fields):
    """A product page that waits for reviews, each call of which takes so long."""
    reviews = hop("r", "g", "reviews", "GET /reviews/17", ms)
    return window(page(reviews=reviews, ms=ms + 32), latency_ms=ms + 32, **fields)


@given(st.integers(100, 3_000))
def test_p17_a_page_that_is_late_by_its_delay_is_no_failure(delay_ms):
    told = found(tried(1, late(8 + delay_ms), 2.0, delay_ms=delay_ms))
    assert told.modes == ()
    assert (told.harmless, told.delayed) == (1, 1)


@pytest.mark.parametrize("times", [2, 3, 6])
def test_p17_what_is_longer_than_the_delay_is_amplified_and_stays_one(times):
    told = found(tried(1, late(8 + 200 * times), 2.0, delay_ms=200))
    assert [mode.trials for mode in told.modes] == [(1,)]
    assert told.delayed == 0
    assert "; customers get no error, and wait " in told.modes[0].sentence


def test_p17_a_delay_that_is_met_several_times_a_request_counts_as_often():
    def twice(ms):
        reviews = [*hop("r", "g", "reviews", "GET /reviews/17", ms), *hop("q", "g", "reviews", "GET /reviews/18", ms)]
        return window(page(reviews=reviews, ms=2 * ms + 24), latency_ms=2 * ms + 24)

    told = catalogue([tried(1, twice(208), 2.0, delay_ms=200)], Evidence((twice(8),)), session_id="x")
    assert (told.modes, told.delayed) == ((), 1)


def test_p17_a_service_that_goes_by_its_namespace_too_is_met_as_often():
    def twice(ms):
        calls = [hop(each, "g", "reviews.shop", f"GET /reviews/{each}", ms) for each in "rq"]
        return window(page(reviews=[*calls[0], *calls[1]], ms=2 * ms + 24), latency_ms=2 * ms + 24)

    told = catalogue([tried(1, twice(208), 2.0, delay_ms=200)], Evidence((twice(8),)), session_id="x")
    assert (told.modes, told.delayed) == ((), 1)


def test_p17_a_delay_after_which_something_else_goes_wrong_is_a_failure():
    told = found(
        tried(1, late(208, error_rate=0.2), 2.0, delay_ms=200), tried(2, late(208, logs=("late",)), 2.0, delay_ms=200)
    )
    assert {number for mode in told.modes for number in mode.trials} == {1, 2}


def test_p17_an_abort_is_no_delay():
    plan = FaultPlan(fault_type="abort", target_service="reviews", abort_status_code=503)
    told = found(tried(1, late(400), 2.0).model_copy(update={"plans": (plan,)}))
    assert len(told.modes) == 1


def test_p25_what_is_scored_and_of_which_nothing_is_unusual_is_no_failure():
    told = found(tried(1, HEALTHY, 0.9), tried(2, window(latency_ms=45), 1.4), tried(3, window(page(ms=44)), 0.7))
    assert (told.modes, told.harmless, told.delayed) == ((), 3, 0)
