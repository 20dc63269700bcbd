import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.observers.trace_sources.lateness import Lateness
from boifi_core.observers.trace_sources.whole import Got
from boifi_core.observers.window import lateness_s

QUIET_S = 6.0
WHOLE = Got(requests=1, found=1, changed_at=100.0)
ENDED_AT = 100.0


def learnt(*batches, windows=1):
    """After windows with these batches of a service each."""
    lateness = Lateness(QUIET_S)
    for _ in range(windows):
        for number, late_s in enumerate(batches):
            lateness.note(f"service {number % 3}", late_s)
        lateness.window_over(WHOLE)
    return lateness


def waited_s(lateness, got=WHOLE):
    return lateness.ends_at(got, ENDED_AT) - ENDED_AT


class TestTheFirstWindow:
    def test_waits_for_silence_since_nothing_is_known(self):
        assert waited_s(Lateness(QUIET_S)) == QUIET_S
        assert waited_s(Lateness(QUIET_S), Got(1, 1, changed_at=104.9)) == pytest.approx(4.9 + QUIET_S)

    def test_waits_longer_for_what_is_not_whole(self):
        assert waited_s(Lateness(QUIET_S), Got(requests=2, found=1, changed_at=100.0)) == 3 * QUIET_S

    def test_without_a_span_it_teaches_nothing(self):
        lateness = Lateness(QUIET_S)
        lateness.window_over(Got(requests=1))
        assert lateness.bound_s is None


class TestLaterWindows:
    def test_where_spans_come_at_once_the_wait_is_short(self):
        lateness = learnt(*[0.01] * 60)
        assert waited_s(lateness) < 0.3

    def test_few_batches_prove_little(self):
        assert waited_s(learnt(0.01)) == QUIET_S
        assert waited_s(learnt(0.01, windows=3)) < 0.5

    def test_where_they_come_in_long_batches_it_is_long(self):
        assert waited_s(learnt(4.0)) == QUIET_S
        assert 4.0 < waited_s(learnt(4.0, windows=40)) < 5.5

    def test_the_slowest_service_decides(self):
        lateness = learnt(*[0.01] * 60)
        lateness.note("slow", 3.0)
        assert waited_s(lateness) == QUIET_S

    def test_what_is_later_than_the_silence_that_was_set_is_still_waited_for_where_something_is_missing(self):
        assert waited_s(learnt(9.0), Got(requests=2, found=1)) > 9.0

    def test_what_was_never_missing_may_still_come_and_what_always_was_will_not(self):
        """A service that goes on after its caller gave up sends its own span last."""
        cut = Got(1, 1, 1, 1, changed_at=ENDED_AT)
        assert waited_s(learnt(*[0.01] * 60), cut) == QUIET_S
        always = Lateness(QUIET_S)
        for _ in range(60):
            always.note("a", 0.01)
            always.window_over(cut)
        assert waited_s(always, cut) < 1.0
        assert always.longest_wait_s(15.0) < 1.0

    def test_what_was_late_once_is_forgotten(self):
        lateness = learnt(3.0, *[0.01] * 3)
        assert waited_s(lateness) == QUIET_S
        for _ in range(60):
            lateness.note("service 0", 0.01)
        for number in (1, 2):
            for _ in range(10):
                lateness.note(f"service {number}", 0.01)
        assert waited_s(lateness) < 0.3

    def test_what_comes_last_is_given_a_moment_for_the_rest_of_its_batch(self):
        late = Got(1, 1, changed_at=ENDED_AT + 3.0)
        assert 3.0 < waited_s(learnt(*[0.01] * 60), late) < 3.5


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.05, 5.0), st.integers(1, 5))
def test_p2_batches_of_any_interval_are_waited_for_and_no_longer_than_it_takes(seed, interval_s, services):
    """Each service sends every so often, whatever the requests do; a window's requests are over in a moment."""
    rng = random.Random(seed)
    lateness = Lateness(QUIET_S)
    missed = 0
    for window in range(100):
        late_s = [rng.uniform(0, interval_s) for _ in range(services)]
        if window:
            missed += max(late_s) > lateness.bound_s
        for number, late in enumerate(late_s):
            lateness.note(f"s{number}", late)
        lateness.window_over(WHOLE)
    # A chance of 0.001 for each service and window: 0.5 of them at most, and more than 6 in one of a million runs.
    assert missed <= 6
    assert interval_s * 0.8 < lateness.bound_s < interval_s * 1.2 + 0.2


def test_services_without_end_do_not_fill_the_memory():
    lateness = Lateness(QUIET_S)
    for number in range(5_000):
        lateness.note(f"s{number}", 0.0)
    assert len(lateness.services) == 1_000


class TestWhatIsLate:
    """At 100 s on the monotonic clock the request was over."""

    @pytest.mark.parametrize(
        ("came", "span_ended", "late_s"),
        [(103.0, 99.0, 3.0), (103.0, 102.5, 0.5), (103.0, 200.0, 3.0), (99.5, 99.0, 0.0)],
        ids=["in time", "went on after the request", "a clock ahead", "before the request was over"],
    )
    def test_counts_from_the_end_of_the_request_or_of_a_span_that_went_on(self, came, span_ended, late_s):
        behind_s = time.time() - time.monotonic()
        assert lateness_s(came, 100.0, round((span_ended + behind_s) * 1e9)) == pytest.approx(late_s, abs=0.05)


class TestBrokenOff:
    def test_silence_as_long_as_the_spans_took_is_enough(self):
        lateness = Lateness(QUIET_S)
        assert not lateness.still_coming(Got(1, 1, changed_at=100.1), ENDED_AT, 102.5)
        assert lateness.still_coming(Got(1, 1, changed_at=102.0), ENDED_AT, 102.5)
        assert not lateness.still_coming(Got(1, 0), ENDED_AT, 102.5)
        assert not lateness.still_coming(Got(1, 1, changed_at=102.0), ENDED_AT, 115.0)
