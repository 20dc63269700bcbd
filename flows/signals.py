"""What Ctrl-C, SIGTERM and a closed terminal do to a session that runs in this process's main thread."""

from __future__ import annotations

import _thread
import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import prefect
from prefect.exceptions import TerminationSignal

_SERVICES = Path(prefect.__file__).parent / "_internal" / "concurrency" / "services.py"
_LOCKING = frozenset([*(module.__file__ for module in (threading, queue, logging)), str(_SERVICES)])
"""Where locks are taken and given back; Prefect sends what happens through a queue, and logs, from our thread too."""

_NEAR = 12
"""So many callers of the interrupted code are looked at."""

_PAUSE_S, _MOST_PAUSES = 0.02, 50
"""How soon it is looked again whether the lock is given back, and how often."""


class Cancelled(KeyboardInterrupt):
    """A second Ctrl-C, or a cancel in Prefect: break the trial off.

    No `Exception`, so that no retry or fallback swallows it.
    """


class Signals:
    """Turns signals into a stop request (first Ctrl-C), `Cancelled` (second) or `TerminationSignal` (SIGTERM, SIGHUP).

    SIGTERM is `Cancelled` too where somebody has asked for that.

    Inside `shielded`, an exception waits until the shield ends: a fault must be removed whatever comes in. What may be
    broken off inside it is `exposed` again. While a lock is taken or given back it waits too, for a second at most: an
    exception at that moment leaves the lock taken for good, and whoever wants it next waits for ever.
    """

    def __init__(self, on_first_interrupt: Callable[[], None], is_cancel: Callable[[], bool] = lambda: False) -> None:
        self._on_first_interrupt = on_first_interrupt
        self._is_cancel = is_cancel
        self._interrupts = 0
        self._shields = 0
        self._over = False
        self._waiting: BaseException | None = None
        self._raised: BaseException | None = None
        self._put_off: BaseException | None = None
        self._pauses = 0

    @contextmanager
    def caught(self) -> Iterator[Signals]:
        """Handle both signals for as long as this lasts; in another thread than the main one, neither."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before: dict[int, Any] = {
            signal.SIGINT: signal.signal(signal.SIGINT, self._interrupted),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._terminated),
            signal.SIGHUP: signal.signal(signal.SIGHUP, self._terminated),
        }
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Hold exceptions back for as long as this lasts."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            self._raise_waiting()

    @contextmanager
    def exposed(self) -> Iterator[None]:
        """Let exceptions through again, inside `shielded`, or though there was nothing left to break off."""
        shields, self._shields = self._shields, 0
        over, self._over = self._over, False
        try:
            self._raise_waiting()
            with self.unmasked():
                yield
        finally:
            self._shields, self._over = shields, over

    @contextmanager
    def unmasked(self) -> Iterator[None]:
        """Let a signal's exception come out as itself, whatever became of it inside.

        Prefect's engine, broken off while it begins a task, raises "Task run is not set" in its place.
        """
        try:
            yield
        except Exception as error:
            if self._raised is not None:
                raise self._raised from error
            raise

    def let_it_end(self) -> None:
        """From here on there is nothing left to break off: signals are ignored."""
        self._over = True
        self._waiting = None

    def _raise_waiting(self) -> None:
        if not self._shields and self._waiting is not None:
            self._raised, self._waiting = self._waiting, None
            raise self._raised

    def _interrupted(self, _number: int, frame: FrameType | None) -> None:
        if self._over:
            return
        self._interrupts += 1
        if self._interrupts == 1:
            self._on_first_interrupt()
        else:
            self._raise(Cancelled(), frame)

    def _terminated(self, _number: int, frame: FrameType | None) -> None:
        self._raise(
            self._put_off or (Cancelled() if self._is_cancel() else TerminationSignal(signal=signal.SIGTERM)), frame
        )

    def _raise(self, error: BaseException, frame: FrameType | None) -> None:
        if self._over:
            return
        if self._shields:
            self._waiting = self._waiting or error
        elif self._pauses < _MOST_PAUSES and _is_amid_a_lock(frame):
            self._pauses += 1
            self._put_off = error
            _thread.start_new_thread(_signal_again, ())  # `threading` would take locks itself
        else:
            self._put_off, self._pauses = None, 0
            self._raised = error
            raise error


def _is_amid_a_lock(frame: FrameType | None) -> bool:
    """Whether a lock may be half taken or half given back here; one that is waited for is neither."""
    if frame is not None and frame.f_code.co_filename == threading.__file__ and "wait" in frame.f_code.co_name:
        return False
    for _ in range(_NEAR):
        if frame is None:
            return False
        if frame.f_code.co_filename in _LOCKING:
            return True
        frame = frame.f_back
    return False


def _signal_again() -> None:
    time.sleep(_PAUSE_S)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
