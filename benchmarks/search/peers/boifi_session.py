"""BOIFI's session: its screen, its free draws and its turns, told severities alone as all others are.

What it tells failures apart by is where the fault is and of which type, as of a target of which nothing but a severity
is seen; what traces tell a session is none of this benchmark's. All of its trials search: nothing is confirmed.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.search.landscape import Reading
from benchmarks.search.peers.base import BestObserved
from boifi_core.errors import SpaceExhausted
from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.hfi.injector import HfiInjector
from boifi_core.models import Point, RawObservation, SeverityScore, Trial, TrialStatus
from boifi_core.session import trial as steps
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.session.phases.base import SessionPhase
from boifi_core.session.phases.plan import Plan
from boifi_core.session.phases.sample import Sample
from boifi_core.session.phases.screen import Screen
from boifi_core.session.phases.search import Search
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from boifi_core.space import SearchSpace

_PHASES: list[type[SessionPhase]] = [Sample, Screen, Search]
_TRIALS = 150


class _Nobody:
    """Injector and observer of a session whose faults are read elsewhere."""

    capabilities = HfiInjector.capabilities

    def as_sent(self, plan: FaultPlan) -> FaultPlan:
        """See `Injector`."""
        return self.capabilities.sending.of(plan)

    def close(self) -> None:
        """See `Injector`."""


class BoifiSession:
    """A session of 150 trials, by an objective and its shares; recommends as a session does."""

    def __init__(self, space: SearchSpace, seed: int, *, objective: str, screen: float, sample: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="boifi-search-")
        config = parse_session(
            {
                "name": "search",
                "executor": {"type": "hfi", "endpoint": "http://127.0.0.1:9"},
                "search_space": space.dump(),
                "total_trials": _TRIALS,
                "seed": seed,
                "optimizer": {"objective": objective},
                "screen": {"share": screen},
                "sample": {"share": sample},
                "confirm": {"share": 0},
                "minimise": {"share": 0},
            }
        )
        nobody: Any = _Nobody()
        self._session = Session(make_session(Path(self._folder.name), config), config, nobody, nobody)
        self._plan = Plan(_PHASES)
        self._asked: Proposal | None = None
        self._best = BestObserved()

    def propose(self) -> Point:
        """See `Peer`."""
        self._asked = self._plan.next(self._session)
        if self._asked is None:
            raise SpaceExhausted("the session is over")
        return self._asked.point

    def record(self, point: Point, reading: Reading) -> None:
        """See `Peer`."""
        assert self._asked is not None
        self._best.see(point, reading.severity)
        now = datetime.now(UTC)
        steps.record(
            self._session,
            Trial(
                session_id=self._session.session_id,
                trial=self._session.next_number,
                status=TrialStatus.SCORED,
                phase=self._asked.phase,
                started_at=now,
                finished_at=now,
                point=point,
                plans=self._asked.plans,
                # A trial is learnt from that has both; they are the same in every trial, and so tell nothing.
                observation=RawObservation(status_code=200, latency_ms=1.0, timestamp=now),
                score=SeverityScore(
                    total_score=reading.severity, bug_score=0.0, performance_score=0.0, structure_score=0.0
                ),
                why=self._asked.why,
            ),
        )

    def recommend(self) -> Point:
        """See `Peer`."""
        best = self._session.optimizer.best_point if self._session.config.optimizer.objective != "modes" else None
        return self._best.point if best is None else best[0]
