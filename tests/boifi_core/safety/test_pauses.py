"""What a process notices of having stood still, and of a clock that was set."""

import os
import signal
import subprocess
import sys
import time
from itertools import accumulate

import pytest

from boifi_core.safety import pauses

STANDS = """
import sys, time
from boifi_core.safety.pauses import Deadline, awake_s, lost, watched
with watched():
    before, began, deadline = lost(), awake_s(), Deadline(4.0)
    print("here", flush=True)
    sys.stdin.readline()
    gap = lost() - before
    print(gap.paused_s, awake_s() - began, deadline.left_s(), gap)
"""


def test_a_stopped_process_notices_it_before_it_does_anything_else():
    process = subprocess.Popen([sys.executable, "-c", STANDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    began = time.monotonic()
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(2.5)
    process.stdin.write("\n")
    process.stdin.flush()
    os.kill(process.pid, signal.SIGCONT)
    out, _ = process.communicate(timeout=30)
    stood_s = time.monotonic() - began
    paused_s, awake_s, left_s = map(float, out.split()[:3])
    assert 2.4 < paused_s < stood_s + 1
    assert awake_s < stood_s - 2
    assert left_s > 3.5  # of 4, which 2.5 s of standing still have not used up
    assert "the machine was paused for" in out


@pytest.fixture
def clocks(monkeypatch):
    """Moves the clocks that are looked at: by so many seconds, each."""
    now = [100.0, 100.0, 1e9]

    def move(clock=0.0, waits=None, day=None):
        for number, by in enumerate((clock, clock if waits is None else waits, clock if day is None else day)):
            now[number] += by

    monkeypatch.setattr(pauses._Look, "now", lambda: pauses._Look(*now))
    monkeypatch.setattr(time, "monotonic", lambda: now[1])
    watch = pauses._Watch()
    monkeypatch.setattr(pauses, "_watch", watch)
    watch.look()
    return move


def test_looks_that_come_in_time_lose_nothing(clocks):
    for _ in range(100):
        clocks(0.9)
        assert not pauses.lost()
    assert pauses.awake_s() == pytest.approx(190)


def test_a_machine_that_slept_is_noticed_though_its_waits_stood_still_with_it(clocks):
    deadline = pauses.Deadline(60)
    clocks(3600, waits=0.2)
    assert str(pauses.lost()) == "the machine was paused for 3600 s"
    assert pauses.awake_s() == pytest.approx(100)
    assert deadline.left_s() == pytest.approx(60, abs=0.3)


@pytest.mark.parametrize("by", [7200.0, -7200.0])
def test_a_clock_that_was_set_is_noticed_and_puts_no_wait_off(clocks, by):
    deadline = pauses.Deadline(60)
    clocks(0.2, day=0.2 + by)
    assert str(pauses.lost()) == "the machine's clock was set, by 7200 s"
    assert deadline.left_s() == pytest.approx(59.8)
    before = pauses.lost()
    clocks(0.5)
    assert not pauses.lost() - before


def test_a_clock_that_is_slowed_down_is_not_set(clocks):
    for _ in range(1000):
        clocks(0.2, day=0.2 * (1 - 5e-4))
        assert not pauses.lost()


@pytest.mark.parametrize(
    ("paused_s", "left_s"),
    [(55.0, 60.0), (5.0, 51.0), (1.1, 12.0)],
)
def test_a_wait_that_was_almost_over_goes_on_after_a_pause(clocks, paused_s, left_s):
    deadline = pauses.Deadline(60)
    for _ in range(59):
        clocks(1.0)
        deadline.left_s()
    clocks(paused_s)
    assert deadline.left_s() == pytest.approx(left_s)


def test_a_wait_ends_on_a_machine_that_is_always_busy(clocks):
    deadline, waited_s = pauses.Deadline(60), 0.0
    for part_s in accumulate([20.0, 1.2] * 50, lambda _, part: part):
        waited_s += part_s
        clocks(1.2) if part_s == 1.2 else [clocks(0.5) or pauses.lost() for _ in range(40)]
        if deadline.left_s() <= 0:
            break
    assert 60 < waited_s < 240


def test_where_nobody_watches_nothing_is_lost():
    assert pauses.lost() - pauses.lost() == pauses.Lost()
