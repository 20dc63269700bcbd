"""An application as a session meets it: faults in, observations out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.applications.model import Application
from benchmarks.applications.play import Played, Player, Window
from benchmarks.applications.spans import spans
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import RawObservation
from boifi_core.observers.window import Outcome, by_kind_typical_first, spread, summarise

REQUESTS = 100
"""Requests of a window."""

TRACES = 40
"""Of so many of them the traces are fetched."""

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Target:
    """An application that is up and watched by a probe.

    Args:
        seed: of what is chance in it.
        traced: whether its services report spans, as OpenTelemetry's default instrumentation does; else nobody does.
        count: requests of a window.
        traces: of so many of them the traces are fetched.

    Attributes:
        last: what was played in the last window.
    """

    def __init__(
        self,
        application: Application,
        seed: int,
        *,
        traced: bool = True,
        count: int = REQUESTS,
        traces: int = TRACES,
    ) -> None:
        self.application = application
        self.traced = traced
        self.count = count
        self.traces = traces
        self.last = Window()
        self._player = Player(application, seed)

    def observe(self, plans: Sequence[FaultPlan] = (), *, at: datetime | None = None) -> RawObservation:
        """One window with these faults in force.

        Args:
            at: when it is said to begin; virtual time is told where nothing is said.
        """
        return self.told(self.play(plans), at=at)

    def play(self, plans: Sequence[FaultPlan] = ()) -> Window:
        """One window with these faults in force, as it was."""
        self.last = self._player.window(plans, self.count)
        return self.last

    def told(self, window: Window, *, at: datetime | None = None) -> RawObservation:
        """What a probe would have seen of it."""
        outcomes = [_outcome(number, played) for number, played in enumerate(window.requests)]
        traces, fetched = None, {}
        if self.traced:
            typical = by_kind_typical_first(outcomes)
            wanted = spread(typical, self.traces, 1)
            fetched = {
                _number(each): spans(self.application, window.requests[_number(each)])
                for each in (each for alike in wanted.values() for each in alike)
            }
            traces = {kind: fetched[_number(alike[0])] for kind, alike in wanted.items()}
        started_at = at or _BEGAN + timedelta(milliseconds=window.requests[0].start_ms)
        return summarise(outcomes, started_at=started_at, traces=traces, fetched=list(fetched.values()))

    def rest(self) -> None:
        """Let it be as it was before the last faults."""
        self._player.rest()


def _outcome(number: int, played: Played) -> Outcome:
    return Outcome(
        kind=played.kind.name,
        status=played.status,
        latency_ms=round(played.latency_ms, 3),
        text=played.text,
        trace_id=number.to_bytes(16, "big"),
        parent_id=bytes(8),
        answered=not (played.status == 504 and played.text.startswith("no answer")),
    )


def _number(outcome: Outcome) -> int:
    return int.from_bytes(outcome.trace_id, "big")
