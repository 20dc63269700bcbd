"""The HFI control plane as an observer, where it has the endpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from boifi_core.errors import (
    ExecutorRejected,
    ExecutorTimedOut,
)
from boifi_core.models import RawObservation
from boifi_core.observers.hfi_answer import read_observation, read_timestamp
from boifi_core.wire.endpoint import EndpointConfig
from boifi_core.wire.http import Answer, Wire

_OBSERVATION = "/v1/observations/latest"

_FIRST_PAUSE_S = 0.02

_LONGEST_PAUSE_S = 0.5

_NEGLIGIBLE_SKEW = timedelta(seconds=2)


class HfiObserver:
    """`Observer` of an HFI control plane that measures by itself: asks until the latest window is new enough."""

    def __init__(self, config: EndpointConfig) -> None:
        self._wire = Wire(config)
        self._clock = _ServerClock()

    def observe(self, *, newer_than: datetime, timeout_s: float) -> RawObservation:
        """See `Observer`.

        The observation's age is judged on the control plane's own clock. An answer that fails is raised at once: the
        caller decides about another try. An observation that does not say when it was made is returned only if none
        that does came in time, as degraded.
        """
        deadline = time.monotonic() + timeout_s
        latest: datetime | None = None
        undated: RawObservation | None = None
        pause_s = _FIRST_PAUSE_S
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                answer = self._latest(left_s)
            except ExecutorTimedOut:
                if latest is None and undated is None:
                    raise
                break  # the last of several looks had too little time left; what the others saw tells more
            data = answer.data()
            made_at, reason = read_timestamp(data, now=answer.received_at)
            if made_at is None:
                undated = read_observation(data, timestamp=answer.received_at, reasons=[reason])
            else:
                made_at -= self._clock.ahead(answer)
                if made_at > newer_than:
                    return read_observation(data, timestamp=made_at)
                latest = made_at
            time.sleep(max(0.0, min(pause_s, deadline - time.monotonic())))
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        if undated is not None and latest is None:
            return undated
        what = f"no observation newer than {newer_than.isoformat()} within {timeout_s:g} s"
        raise ExecutorTimedOut(what if latest is None else f"{what}; the latest is of {latest.isoformat()}")

    def news(self) -> Sequence[str]:
        """None."""
        return ()

    def close(self) -> None:
        """See `Observer`."""
        self._wire.close()

    def _latest(self, timeout_s: float) -> Answer:
        answer = self._wire.call("GET", _OBSERVATION, timeout_s=timeout_s, expected=(404,))
        if answer.status == 404:
            raise ExecutorRejected(
                f"{answer.what}: this control plane has no observations; "
                "name an observer in the session file: `observer: {type: probe, requests: […]}`"
            )
        return answer


class _ServerClock:
    """How far the control plane's clock is ahead of ours, as narrowly as its `Date` headers tell.

    A `Date` has whole seconds, so each answer bounds the difference within a second or so; several narrow it down.
    """

    def __init__(self) -> None:
        self._least = timedelta.min
        self._most = timedelta.max

    def ahead(self, answer: Answer) -> timedelta:
        """What to take from the server's timestamps; 0 unless the clocks are 2 s or more apart.

        It is the most that the difference can be, so that an old observation never passes for a new one.
        """
        if answer.server_time is not None:
            least = answer.server_time - answer.received_at
            most = answer.server_time + timedelta(seconds=1) - answer.sent_at
            if least > self._most or most < self._least:  # a clock was set
                self._least, self._most = timedelta.min, timedelta.max
            self._least, self._most = max(self._least, least), min(self._most, most)
        if self._most == timedelta.max:
            return timedelta(0)
        middle = self._least + (self._most - self._least) / 2
        return self._most if abs(middle) > _NEGLIGIBLE_SKEW else timedelta(0)
