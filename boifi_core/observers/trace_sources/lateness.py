"""How late spans come, learnt from window to window, so that each waits as long as it must and no longer."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from boifi_core.observers.trace_sources.whole import Got

_CHANCE = 0.001
"""That a service's spans come later than is waited for."""

_MARGIN_S = 0.15
"""Beyond what the batches tell, for what is late by chance: a busy machine, a network."""

_UNWHOLE_PATIENCE = 3
"""So many times longer than for whole traces the wait lasts for a request or a parent that has no span."""

_MOST_SERVICES = 1_000

_REMEMBERED = 50
"""Batches of a service: what was late once, by a pause or a fault, is forgotten with them."""


class Lateness:
    """How long after the last request of a window spans may still come.

    A service sends its spans in batches by a clock of its own, which knows nothing of the requests: they come at any
    time between at once and the batches' interval after them. In the first window that interval is not known, so the
    traces are waited for until nothing came for `quiet_s`. Later ones wait as long as a batch can take by what was
    seen: where the latest of n batches came after L seconds, the interval is above `L * chance ** (-1 / n)` with that
    chance only.

    Source: the upper confidence limit of a uniform distribution's end, from the largest of n draws.

    Args:
        quiet_s: no span for so long, and no more is expected where nothing is known; above the longest interval.
    """

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._batches: dict[str, deque[float]] = {}
        self._is_learnt = False
        self._was_whole = False

    @property
    def services(self) -> Collection[str]:
        """All that were ever heard of."""
        return self._batches.keys()

    @property
    def bound_s(self) -> float | None:
        """How long after their requests all spans have come; None before a window with spans is over."""
        if not self._is_learnt:
            return None
        return _MARGIN_S + max(map(self._bound_s, self._batches.values()))

    def note(self, service: str, late_s: float) -> None:
        """A batch of this service's spans came, the latest of them so long after the request that it belongs to."""
        if service in self._batches or len(self._batches) < _MOST_SERVICES:
            self._batches.setdefault(service, deque(maxlen=_REMEMBERED)).append(late_s)

    def window_over(self, got: Got) -> None:
        """All batches of a window were noted, in which so much came: from here on they count."""
        self._is_learnt = bool(self._batches)
        self._was_whole |= bool(got.found) and got.is_whole

    def ends_at(self, got: Got, ended_at: float) -> float:
        """When the wait for a window's traces is over if nothing more comes until then.

        Args:
            got: what has come so far.
            ended_at: when the last request was over, on the clock of `time.monotonic`, as is the result.
        """
        bound_s = self.bound_s
        latest = max(ended_at, got.changed_at)
        if not got.is_whole:
            return latest + self._unwhole_s()
        quiet_at = latest + self._quiet_s
        return quiet_at if bound_s is None else min(quiet_at, max(ended_at + bound_s, latest + _MARGIN_S))

    def longest_wait_s(self, wait_s: float) -> float:
        """The longest that a window may wait, at most `wait_s`, seconds."""
        return wait_s if self.bound_s is None else min(wait_s, self._unwhole_s() + _MARGIN_S)

    def still_coming(self, got: Got, ended_at: float, deadline: float) -> bool:
        """Whether the wait was broken off at `deadline` while spans came, so that there may be more of them."""
        silent_s, came_s = deadline - got.changed_at, got.changed_at - ended_at
        return self.ends_at(got, ended_at) > deadline and silent_s < min(self._quiet_s, came_s)

    def _unwhole_s(self) -> float:
        """How long it may be silent where something is missing."""
        bound_s = self.bound_s
        if bound_s is None:
            return _UNWHOLE_PATIENCE * self._quiet_s
        # What is always missing will not come. What never was may be a span that has not ended: its caller gave up.
        return max(_UNWHOLE_PATIENCE * bound_s, self._quiet_s if self._was_whole else 0.0)

    def _bound_s(self, batches: Collection[float]) -> float:
        longest_s = max(batches)
        estimate_s: float = longest_s * _CHANCE ** (-1 / len(batches))
        return max(longest_s, min(estimate_s, self._quiet_s))
