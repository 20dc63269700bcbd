"""One session in a process of its own, whose last line is a `Measured` as JSON: `python -m benchmarks.one_session`."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from benchmarks.memory import Memory, children_of, memory_of
from benchmarks.plain import await_recovery, measure_baseline, try_fault
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.models import RawObservation, SessionStatus, Trial
from boifi_core.observers.base import Observer, ObserverConfig
from boifi_core.observers.table import OBSERVERS, ObserverKind
from boifi_core.safety.pauses import awake_s
from boifi_core.session import trial as steps
from boifi_core.session.config import SessionConfig, parse_session
from boifi_core.session.events import BaselineSeen, Event, Recorded, listening
from boifi_core.session.folder import SessionFolder
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.plan import Plan
from flows.attempt import ms_since

_DELAY, _ABORT = ({"field": "fault_type", "operator": "equals", "value": value} for value in ("delay", "abort"))


class Measured(BaseModel):
    """What one session took.

    Attributes:
        over_ms: of each trial, from the end of the one before to its own, without its observation.
        optimizer_ms: of each trial, proposal and record.
        session, server: memory at the end of the last trial; the server's only where there is one.
    """

    over_ms: list[float] = []
    optimizer_ms: list[float] = []
    session: Memory | None = None
    server: Memory | None = None


class Meter:
    """Is told of the first trial's beginning, every observation's time and every trial's end."""

    def __init__(self, trials: int) -> None:
        self.measured = Measured()
        self._trials = trials
        self.begin()

    def begin(self) -> None:
        self._last = time.perf_counter()
        self._observed_ms = 0.0

    def observed(self, took_ms: float) -> None:
        self._observed_ms += took_ms

    def trial(self, trial: Trial) -> None:
        now, took = time.perf_counter(), trial.durations
        if trial.score is None:
            raise RuntimeError(f"trial {trial.trial} has no score: {trial.reason}")
        self.measured.over_ms.append((now - self._last) * 1000 - self._observed_ms)
        self.measured.optimizer_ms.append((took.propose_ms or 0) + (took.record_ms or 0))
        if len(self.measured.over_ms) == self._trials:
            self.measured.session = memory_of(os.getpid())
            self.measured.server = next(map(memory_of, children_of(os.getpid())), None)
        self.begin()


class TimedObserver:
    """An observer that tells the meter how long it took, so that what Prefect adds to that is not taken for it."""

    def __init__(self, observer: Observer, meter: Meter) -> None:
        self._observer = observer
        self._meter = meter

    def observe(self, *, newer_than: datetime, timeout_s: float) -> RawObservation:
        started = time.perf_counter()
        try:
            return self._observer.observe(newer_than=newer_than, timeout_s=timeout_s)
        finally:
            self._meter.observed((time.perf_counter() - started) * 1000)

    def news(self) -> Sequence[str]:
        return self._observer.news()

    def close(self) -> None:
        self._observer.close()


def time_observers(meter: Meter) -> None:
    """From here on, every observer of the control plane's is timed."""
    kind = OBSERVERS["hfi"]

    def open_timed(executor: ExecutorConfig, observer: ObserverConfig | None) -> Observer:
        return TimedObserver(kind.open(executor, observer), meter)

    OBSERVERS["hfi"] = ObserverKind(kind.config, open_timed)


def config_for(endpoint: str, trials: int) -> SessionConfig:
    """A session on the book page that tests/support/hfi_server.py computes."""
    dimensions = [
        {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
        {"name": "target_path", "type": "categorical", "values": ["/ratings", "/reviews", "/details"]},
        {"name": "percentage", "type": "integer", "min": 10, "max": 100},
        {"name": "delay_ms", "type": "integer", "min": 100, "max": 8000, "condition": _DELAY},
        {"name": "abort_status_code", "type": "categorical", "values": [429, 500, 503], "condition": _ABORT},
    ]
    return parse_session(
        {
            "name": "benchmark",
            "executor": {"type": "hfi", "endpoint": endpoint},
            "search_space": {"dimensions": dimensions},
            "total_trials": trials,
            "initial_points": min(10, trials),
            "seed": 1,
            # Waiting for the target to recover is no cost of ours.
            "recovery": {"after_severity": 10},
            "confirm": {"share": 0},
            "minimise": {"share": 0},
        }
    )


def with_prefect(folder: SessionFolder, data: Path, meter: Meter) -> None:
    """As `boifi run` does it: a Prefect server as a child, the flow in this process."""
    from cli.prefect_api import prefect_api

    with prefect_api(data):
        from flows.session import session

        def measure(event: Event) -> None:
            match event:
                case BaselineSeen():
                    meter.begin()
                case Recorded():
                    meter.trial(event.trial)

        with listening(measure):
            session(str(folder.path))


def without(folder: SessionFolder, meter: Meter) -> None:
    """The same steps in a plain loop."""
    with folder.held(), open_session(folder) as live:
        measure_baseline(live)
        meter.begin()
        plan = Plan()
        while live.budget.left:
            started = awake_s()
            proposal = plan.next(live)
            assert proposal is not None, plan.over(live)
            trial = steps.record(live, try_fault(live, proposal, ms_since(started)))
            meter.trial(trial)
            live.write_state(SessionStatus.RUNNING)
            await_recovery(live, trial)


def main() -> None:
    """Run the session and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prefect", action="store_true")
    given = parser.parse_args()
    meter = Meter(given.trials)
    time_observers(meter)
    folder = make_session(given.data, config_for(given.endpoint, given.trials))
    if given.prefect:
        with_prefect(folder, given.data, meter)
    else:
        without(folder, meter)
    print(meter.measured.model_dump_json())


if __name__ == "__main__":
    main()
