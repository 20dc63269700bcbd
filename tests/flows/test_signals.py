"""What signals do to the code that they interrupt."""

import os
import signal
import time

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
