"""How long a step may take: an alarm that breaks it off, whatever it does, and says what took too long.

Not Prefect's time-outs: those end with a step that only stood still with its machine, and in words for a programmer.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from boifi_core.errors import BoifiError
from boifi_core.safety import pauses

# From the main thread alone, one at a time.
_restarts: list[float] = []


class StepTimedOut(BoifiError, TimeoutError):
    """A step took longer than it may."""


@contextmanager
def time_limit(limit_s: float, what: str) -> Iterator[None]:
    """Break off what takes longer than this, seconds; after a pause of the machine it has all that time again.

    In another thread than the main one nothing is broken off: a thread cannot be interrupted.

    Args:
        what: what is not done then, as a sentence's beginning: `trial 7 was not scored`.

    Raises:
        StepTimedOut: it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = pauses.lost()

    def ring(_number: int, _frame: FrameType | None) -> None:
        nonlocal before
        now = pauses.lost()
        if (now - before).paused_s > 0:
            before = now
            signal.setitimer(signal.ITIMER_REAL, limit_s)
            return
        raise StepTimedOut(f"{what} within {limit_s:g} s")

    handler = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    _restarts.append(limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        _restarts.pop()


def begin_anew() -> None:
    """Let what is under way have all its time again: what it waited for is no fault of its own."""
    if _restarts and threading.current_thread() is threading.main_thread():
        signal.setitimer(signal.ITIMER_REAL, _restarts[-1])
