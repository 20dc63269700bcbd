"""What signals do to the code that they interrupt."""

import os
import queue
import signal
import threading
import time
from contextlib import nullcontext

import pytest
from prefect.exceptions import TerminationSignal

from flows.signals import Cancelled, Signals


def interrupted_engine(*numbers):
    """Prefect's engine, broken off while it begins a task: it raises another error in the signal's place."""
    try:
        for number in numbers:
            os.kill(os.getpid(), number)
        time.sleep(5)
    except BaseException as error:
        raise ValueError("Task run is not set") from error


@pytest.mark.parametrize(
    ("numbers", "comes_out"),
    [([signal.SIGTERM], TerminationSignal), ([signal.SIGINT, signal.SIGINT], Cancelled)],
)
def test_a_signal_comes_out_as_itself_though_what_it_breaks_off_raises_another(numbers, comes_out):
    asked = []
    signals = Signals(lambda: asked.append(True))
    with pytest.raises(comes_out), signals.caught(), signals.shielded(), signals.exposed():
        interrupted_engine(*numbers)
    with pytest.raises(comes_out), signals.caught(), signals.unmasked():
        interrupted_engine(*numbers)
    assert len(asked) == numbers.count(signal.SIGINT) // 2


def test_an_error_that_no_signal_caused_stays_itself():
    signals = Signals(lambda: None)
    with pytest.raises(KeyError), signals.caught(), signals.shielded(), signals.exposed():
        raise KeyError("a")


class Struck(queue.Queue):
    """A queue during whose use a signal comes; `done` is what was carried through."""

    done = False

    def _put(self, item):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)
        super()._put(item)
        self.done = True


def ended_by_a_signal(work, *, signals=None, after_s=None):
    """Do the work under the handlers, until the signal that comes after a while, or within, breaks it off."""
    with (signals or Signals(lambda: None)).caught():
        if after_s is not None:
            threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGTERM)).start()
        work()
        time.sleep(5)


@pytest.mark.parametrize("is_shielded", [True, False])
def test_a_signal_waits_until_a_lock_is_given_back(is_shielded):
    struck, signals = Struck(), Signals(lambda: None)

    def put():
        with signals.shielded() if is_shielded else nullcontext():
            struck.put(1)

    with pytest.raises(TerminationSignal):
        ended_by_a_signal(put, signals=signals)
    assert struck.done
    assert struck.mutex.acquire(blocking=False)


def test_a_signal_does_not_wait_for_a_lock_that_is_waited_for():
    began = time.monotonic()
    with pytest.raises(TerminationSignal):
        ended_by_a_signal(lambda: queue.Queue().get(timeout=30), after_s=0.2)
    assert time.monotonic() - began < 15


def test_a_signal_does_not_wait_for_ever():
    def lock_again():
        while True:
            with threading.Condition():
                pass

    with pytest.raises(TerminationSignal):
        ended_by_a_signal(lock_again, after_s=0.1)


def test_whenever_a_signal_comes_no_lock_is_left_taken():
    for number in range(150):
        some = queue.Queue()

        def send(some=some):
            while True:
                some.put_nowait(1)
                some.get_nowait()
                sum(range(1_000))

        with pytest.raises(TerminationSignal):
            ended_by_a_signal(send, after_s=number / 1e5)
        assert some.mutex.acquire(timeout=1)
