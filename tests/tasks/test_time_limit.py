"""What takes too long is broken off, with words for it."""

import signal
import threading
import time

import pytest

from boifi_core.safety import pauses
from tasks.time_limit import StepTimedOut, begin_anew, time_limit


def test_what_takes_too_long_is_broken_off_and_says_what_it_was():
    before = signal.getsignal(signal.SIGALRM)
    with (
        pytest.raises(StepTimedOut, match=r"^trial 7 was not scored within 0\.2 s$"),
        time_limit(0.2, "trial 7 was not scored"),
    ):
        time.sleep(30)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_it_is_a_time_out_to_whoever_catches_those():
    with pytest.raises(TimeoutError), time_limit(0.05, "nothing"):
        time.sleep(30)


def test_what_is_done_in_time_is_left_alone():
    with time_limit(0.2, "nothing"):
        pass
    time.sleep(0.3)


def test_after_a_pause_it_has_all_its_time_again(monkeypatch):
    paused_s = [0.0]
    monkeypatch.setattr(pauses, "lost", lambda: pauses.Lost(paused_s[0], paused_s[0]))

    def stand_still():
        time.sleep(0.1)
        paused_s[0] = 60.0
        time.sleep(30)

    began = time.monotonic()
    with pytest.raises(StepTimedOut), time_limit(0.4, "nothing"):
        stand_still()
    assert time.monotonic() - began > 0.75


def test_who_waits_for_something_else_begins_anew():
    with time_limit(0.4, "nothing"):
        for _ in range(4):
            time.sleep(0.2)
            begin_anew()


def test_in_another_thread_nothing_is_broken_off():
    done = []

    def work():
        with time_limit(0.05, "nothing"):
            time.sleep(0.2)
            begin_anew()
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
