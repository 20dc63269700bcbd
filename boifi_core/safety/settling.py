"""When a measuring window may begin: the one place that knows when a fault is in force, and when it is gone.

An injector's answer says that it has stored a fault, or forgotten it; the proxies act on that when they hear of it. How
long that takes is measured once, when a session begins (`session.settling`), or said by `executor.settle_s`; here it is
waited for. An injector that can prove that a fault is in force is to be asked here too, before anything is waited for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from boifi_core.injectors.base import ExecutorConfig
from boifi_core.models import Trial
from boifi_core.safety.pauses import awake_s

UNSEEN_S = 2.0
"""What is waited for where faults were tried and nothing was seen of them, seconds: most meshes act within that."""

_LEAST_MARGIN_S, _MOST_MARGIN_S = 0.5, 5.0

_LONGEST_STEP_S = 0.2


_LONGEST_GO_S, _LONGEST_GO = 2.0, 3
"""What stays longer after a fault's end, and so many times longer than the fault took to take hold, is the target's own
recovering, which is waited for after each failure anyhow."""


def with_margin(seen_s: float) -> float:
    """How long is waited for what was seen to take this long: half as long again, since it varies; 0 stays 0."""
    return 0.0 if seen_s <= 0 else seen_s + min(max(seen_s / 2, _LEAST_MARGIN_S), _MOST_MARGIN_S)


@dataclass(frozen=True)
class Lags:
    """How long is waited from the injector's answers until a fault counts as in force, and as gone; seconds."""

    in_force_s: float = 0.0
    gone_s: float = 0.0

    @property
    def longest_s(self) -> float:
        """The longest that a trial may have to wait between its fault's application and its window."""
        return max(self.in_force_s, self.gone_s)


def lags_of(config: ExecutorConfig, measured: Trial | None) -> Lags:
    """What a session's trials wait for.

    Args:
        config: what it says under `settle_s` holds, unless that is `auto`.
        measured: the settling trial, where one was made.
    """
    if config.settle_s != "auto":
        return Lags(config.settle_s, config.settle_s)
    if measured is None or not measured.plans:
        return Lags()
    if measured.in_force_ms is None:
        return Lags(UNSEEN_S, UNSEEN_S)
    in_force_s, gone_s = measured.in_force_ms / 1000, (measured.gone_ms or 0.0) / 1000
    return Lags(with_margin(in_force_s), with_margin(min(gone_s, max(_LONGEST_GO_S, _LONGEST_GO * in_force_s))))


def remarks_of(measured: Trial | None) -> tuple[str, ...]:
    """What a session's state says of its settling trial."""
    return () if measured is None else (f"settle {told(measured)}",)


def told(measured: Trial) -> str:
    """What the settling trial came to, in a line for people."""
    if measured.in_force_ms is None or measured.gone_ms is None:
        return measured.reason or f"no effect was seen; every trial waits {UNSEEN_S:g} s"
    hold, go = (_after(ms) for ms in (measured.in_force_ms, measured.gone_ms))
    if hold == go == _AT_ONCE:
        return f"faults take hold and let go {_AT_ONCE}"
    return f"faults take hold {hold} and let go {go}; every trial waits for that"


_AT_ONCE = "at once"


def _after(ms: float) -> str:
    return f"after {ms / 1000:.1f} s" if ms > 0 else _AT_ONCE


class Settling:
    """What the next measuring window has to wait for."""

    def __init__(self) -> None:
        self._ready_at = float("-inf")
        self._gone_at = float("-inf")

    def applied(self, lags: Lags) -> None:
        """The injector has just taken a fault."""
        self._ready_at = max(self._ready_at, awake_s() + lags.in_force_s)

    def cleared(self, lags: Lags) -> None:
        """The injector has just removed a fault."""
        self._gone_at = awake_s() + lags.gone_s
        self._ready_at = max(self._ready_at, self._gone_at)

    @property
    def since_gone_ms(self) -> float:
        """Since when the latest fault that was removed counts as gone, milliseconds."""
        return max(0.0, (awake_s() - self._gone_at) * 1000)

    def wait(self) -> float:
        """Wait until a window may begin; returns for how long, seconds."""
        began = awake_s()
        while (left_s := self._ready_at - awake_s()) > 0:
            time.sleep(min(left_s, _LONGEST_STEP_S))
        return awake_s() - began
