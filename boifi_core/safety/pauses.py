"""When this machine stood still, or its clock was set: what was measured meanwhile tells nothing of the target.

A thread looks at the clocks a few times a second. More than a moment between two looks means that nothing of this
process ran: it was stopped (SIGSTOP, a frozen container), the machine slept, or was too busy to let it run. Where the
time of day alone has jumped, somebody set it, or this is a virtual machine that was paused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from boifi_core.errors import BoifiError

LOOK_S = 0.2

LONGEST_S = 1.0
"""The longest time between two looks, and the furthest that the time of day may move between them, seconds."""

# It goes on while the machine sleeps, where there is one that does; all clocks go on while a process is stopped.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Paused(BoifiError):
    """The machine was paused, or its clock was set, while something was measured: it has to be measured again."""


@dataclass(frozen=True)
class Lost:
    """What this process has missed of its time since it is watched, seconds.

    Attributes:
        paused_s: how long it stood still.
        of_waits_s: how much of that counted in `time.monotonic`, which stands still with a machine that sleeps.
        clock_set_s: by how much the time of day jumped, forward or back.
    """

    paused_s: float = 0.0
    of_waits_s: float = 0.0
    clock_set_s: float = 0.0

    def __add__(self, more: Lost) -> Lost:
        return Lost(
            self.paused_s + more.paused_s, self.of_waits_s + more.of_waits_s, self.clock_set_s + more.clock_set_s
        )

    def __sub__(self, before: Lost) -> Lost:
        return Lost(
            self.paused_s - before.paused_s,
            self.of_waits_s - before.of_waits_s,
            self.clock_set_s - before.clock_set_s,
        )

    def __bool__(self) -> bool:
        return self.paused_s > 0 or self.clock_set_s > 0

    def __str__(self) -> str:
        if self.paused_s > 0:
            return f"the machine was paused for {self.paused_s:.0f} s"
        return f"the machine's clock was set, by {self.clock_set_s:.0f} s"


@dataclass(frozen=True)
class _Look:
    """All clocks at one moment, seconds."""

    clock: float
    waits: float
    day: float

    @classmethod
    def now(cls) -> _Look:
        return cls(time.clock_gettime(_CLOCK), time.monotonic(), time.time())


class _Watch:
    """The last look, and the gaps that were found before it.

    No lock: a signal's handler looks too, and may have interrupted a look of the same thread. Two that find one gap
    keep it under one key.
    """

    def __init__(self) -> None:
        self._last: _Look | None = None
        self._gaps: dict[float, Lost] = {}

    def look(self) -> None:
        now, last = _Look.now(), self._last
        self._last = now
        if last is not None and (gap := _gap(last, now)):
            self._gaps[last.clock] = gap

    def end(self) -> None:
        """There is no look for a while."""
        self.look()
        self._last = None

    def lost(self) -> Lost:
        """What is lost by now."""
        if self._last is not None:
            self.look()  # whoever wakes up first after a pause must not miss it
        return sum(list(self._gaps.values()), start=Lost())


def _gap(last: _Look, now: _Look) -> Lost:
    passed_s = now.clock - last.clock
    set_s = abs(now.day - last.day - passed_s)
    was_paused, was_set = passed_s > LONGEST_S, set_s > LONGEST_S
    return Lost(
        passed_s if was_paused else 0.0, now.waits - last.waits if was_paused else 0.0, set_s if was_set else 0.0
    )


_watch = _Watch()
_watchers = 0


@contextmanager
def watched() -> Iterator[None]:
    """Notice pauses for as long as this lasts."""
    global _watchers
    ended = threading.Event()

    def look_again() -> None:
        while not ended.wait(LOOK_S):
            _watch.look()

    _watch.look()
    _watchers += 1
    watcher = threading.Thread(target=look_again, name="pauses", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        _watchers -= 1
        if not _watchers:
            _watch.end()


def lost() -> Lost:
    """What was lost by now; two of these tell what was lost between. Where nobody watches, nothing is."""
    return _watch.lost()


def awake_s() -> float:
    """Like `time.monotonic`, but it stands still with the process."""
    return time.monotonic() - lost().of_waits_s


class Deadline:
    """The end of a wait, which a pause of the machine puts off: what is waited for may have stood still as well.

    Args:
        limit_s: how long is waited, seconds. After a pause it is as long again at most, and after a short one less:
            on a busy machine, too, a wait must end.
    """

    _PUT_OFF = 10.0

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._lost = lost()
        self._end = time.monotonic() + limit_s

    def left_s(self) -> float:
        """How long may still be waited, seconds; 0 or less where the wait is over."""
        now_lost = lost()
        new, self._lost = now_lost - self._lost, now_lost
        if new.paused_s > 0:
            left_s = self._end + new.of_waits_s - time.monotonic()
            self._end = time.monotonic() + min(self._limit_s, left_s + self._PUT_OFF * new.paused_s)
        return self._end - time.monotonic()
