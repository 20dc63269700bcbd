"""Tells whoever watches a session in this process what happens in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from boifi_core.models import RawObservation, Trial


class Watcher:
    """Sees nothing; subclasses see what they override."""

    def baseline(self, observation: RawObservation, severity: float) -> None:
        """The target without a fault, and its severity."""

    def trial(self, trial: Trial) -> None:
        """A trial is recorded."""

    def note(self, text: str) -> None:
        """Anything else worth a line: a wait, a stop request."""


_watcher: ContextVar[Watcher] = ContextVar("watcher", default=Watcher())  # noqa: B039 - it has no state


def watcher() -> Watcher:
    """Who watches the session that runs here."""
    return _watcher.get()


@contextmanager
def watched_by(new: Watcher) -> Iterator[None]:
    """Let `new` watch the sessions that run here for as long as this lasts."""
    token = _watcher.set(new)
    try:
        yield
    finally:
        _watcher.reset(token)
