"""The end that somebody asked for, by a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """SIGTERM outside of a flow, or after it."""


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Let SIGTERM, and a terminal that is closed, raise `Terminated` for as long as this lasts."""

    def raise_terminated(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    with _handled(raise_terminated, signal.SIGTERM, signal.SIGHUP):
        yield


@contextmanager
def asked_to_end() -> Iterator[threading.Event]:
    """What is set as soon as any of the signals comes that ask a process to end."""
    ending = threading.Event()
    with _handled(lambda _number, _frame: ending.set(), signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        yield ending


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
