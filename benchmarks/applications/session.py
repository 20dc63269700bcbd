"""BOIFI's own session on a simulated application, in this process and without Prefect."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.applications.model import Application
from benchmarks.applications.play import Window
from benchmarks.applications.target import Target
from benchmarks.applications.truth import brought_out
from benchmarks.plain import control_for, is_steady, is_to_recover, measure_baseline, try_fault
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Catalogue
from boifi_core.injectors.hfi.injector import HfiInjector
from boifi_core.models import RawObservation, Trial
from boifi_core.session import trial as steps
from boifi_core.session.config import SessionConfig, parse_session
from boifi_core.session.make import make_session
from boifi_core.session.phases.plan import Plan
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session

_WINDOWS = 30
"""So many windows after a trial a target is given to come back to its steady state by itself."""


class SimulatedMesh:
    """Injector and observer of a simulated application; what it can do is what HFI can."""

    capabilities = HfiInjector.capabilities

    def __init__(self, target: Target) -> None:
        self._target = target
        self._in_force: dict[str, FaultPlan] = {}
        self.with_faults: tuple[tuple[FaultPlan, ...], Window] = (), Window()

    def as_sent(self, plan: FaultPlan) -> FaultPlan:
        """See `Injector`."""
        return self.capabilities.sending.of(plan)

    def apply(self, name: str, plan: FaultPlan, *, timeout_s: float) -> None:
        """See `Injector`."""
        self._in_force[name] = plan

    def clear(self, name: str, *, timeout_s: float) -> None:
        """See `Injector`."""
        self._in_force.pop(name, None)

    def list(self, *, timeout_s: float) -> list[str]:
        """See `Injector`."""
        return [*self._in_force]

    def health(self, *, timeout_s: float) -> None:
        """See `Injector`."""

    def observe(self, *, newer_than: datetime, timeout_s: float) -> RawObservation:
        """See `Observer`."""
        # Their expiry is of wall-clock time, of which nothing passes here.
        plans = tuple(plan.model_copy(update={"duration_seconds": None}) for plan in self._in_force.values())
        observation = self._target.observe(plans, at=newer_than)
        if plans:
            self.with_faults = plans, self._target.last
        return observation

    def news(self) -> Sequence[str]:
        """See `Observer`."""
        return ()

    def close(self) -> None:
        """See `Injector`."""


def session_config(application: Application, trials: int, seed: int, **more: Any) -> SessionConfig:
    """The session file of an application; `more` are further keys of it."""
    return parse_session(
        {
            "name": f"application-{application.seed}-of-{len(application.services)}",
            "executor": {"type": "hfi", "endpoint": "http://127.0.0.1:9", "settle_s": 0},
            "search_space": application.space,
            "total_trials": trials,
            "seed": seed,
            **more,
        }
    )


def run_session(
    target: Target, config: SessionConfig, until: str | None = None
) -> tuple[Sequence[Trial], Catalogue, list[frozenset[str]]]:
    """A whole session: its trials, what it found, and which weaknesses each trial brought out.

    Args:
        until: the id of a weakness; the session is broken off as soon as that is brought out.
    """
    mesh = SimulatedMesh(target)
    out: list[frozenset[str]] = []
    with tempfile.TemporaryDirectory(prefix="boifi-benchmark-") as data:
        session = Session(make_session(Path(data), config), config, mesh, mesh)
        measure_baseline(session)
        plan = Plan()
        while session.budget.left and (proposal := plan.next(session)) is not None:
            _try(session, proposal, target)
            plans, window = mesh.with_faults
            out.append(brought_out(target.application, plans, window))
            if until in out[-1]:
                break
        return tuple(session.trials), session.found, out


def _try(session: Session, proposal: Proposal, target: Target) -> None:
    trial = steps.record(session, try_fault(session, proposal, control=control_for(session, proposal)))
    if is_to_recover(session, trial) and not any(is_steady(session) for _ in range(_WINDOWS)):
        target.rest()  # what keeps itself down is restarted by somebody
