"""What Ctrl-C, SIGTERM and a closed terminal do to a session that runs in this process's main thread."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from prefect.exceptions import TerminationSignal


class Cancelled(KeyboardInterrupt):
    """A second Ctrl-C, or a cancel in Prefect: break the trial off.

    No `Exception`, so that no retry or fallback swallows it.
    """


class Signals:
    """Turns signals into a stop request (first Ctrl-C), `Cancelled` (second) or `TerminationSignal` (SIGTERM, SIGHUP).

    SIGTERM is `Cancelled` too where somebody has asked for that.

    Inside `shielded`, an exception waits until the shield ends: a fault must be removed whatever comes in. What may be
    broken off inside it is `exposed` again.
    """

    def __init__(self, on_first_interrupt: Callable[[], None], is_cancel: Callable[[], bool] = lambda: False) -> None:
        self._on_first_interrupt = on_first_interrupt
        self._is_cancel = is_cancel
        self._interrupts = 0
        self._shields = 0
        self._over = False
        self._waiting: BaseException | None = None
        self._raised: BaseException | None = None

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

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self._over:
            return
        self._interrupts += 1
        if self._interrupts == 1:
            self._on_first_interrupt()
        else:
            self._raise(Cancelled())

    def _terminated(self, _number: int, _frame: FrameType | None) -> None:
        self._raise(Cancelled() if self._is_cancel() else TerminationSignal(signal=signal.SIGTERM))

    def _raise(self, error: BaseException) -> None:
        if self._over:
            return
        if self._shields:
            self._waiting = self._waiting or error
        else:
            self._raised = error
            raise error
