"""Whoever runs here waits as long as its disk cannot be written: full, over a quota, remounted for reading alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from boifi_core.storage import NotWritten, StorageUnavailable, wait_to_write
from flows.signals import Signals
from tasks.time_limit import begin_anew

POLL_S = 0.5

_ANOTHER_S = 5.0
"""Who has not had to wait for so long waits anew, and says so again, seconds."""


class DiskWait:
    """Waits for a moment where something could not be written, and says once what is waited for.

    A signal breaks the wait off, and then nothing is waited for any more: what cannot be written is lost.

    Attributes:
        tell: is told why it is waited.
        signals: those that break it off; None while Python's own handlers are in place.
        gives_up: asked while it is waited; True breaks it off too.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.signals: Signals | None = None
        self.gives_up: Callable[[], bool] = lambda: False
        self._is_broken_off = False
        self._last = -_ANOTHER_S

    def __call__(self, problem: NotWritten) -> None:
        """See `wait_to_write`.

        Raises:
            StorageUnavailable: it is not waited any longer.
        """
        if self._is_broken_off:
            raise StorageUnavailable(str(problem)) from problem
        if time.monotonic() - self._last > _ANOTHER_S:
            self.tell(f"the data dir cannot be written: {problem.why}; goes on when it can be")
        begin_anew()
        self._is_broken_off = True
        if self.signals is None:
            time.sleep(POLL_S)
        else:
            with self.signals.exposed():
                time.sleep(POLL_S)
        self._is_broken_off = self.gives_up()
        self._last = time.monotonic()
        if self._is_broken_off:
            raise StorageUnavailable(str(problem)) from problem


@contextmanager
def waiting_for_disk(tell: Callable[[str], None]) -> Iterator[DiskWait]:
    """Wait for the disk wherever something cannot be written, for as long as this lasts."""
    wait = DiskWait(tell)
    token = wait_to_write.set(wait)
    try:
        yield wait
    finally:
        wait_to_write.reset(token)
