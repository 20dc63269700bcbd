"""A gateway that asks two dozen services, with weaknesses planted by a seed; sessions on it run without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from meshes import hop, unanswered
from observations import NOON, observed, trace

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Control, RawObservation, Trial
from boifi_core.session import trial as steps
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.plan import Plan
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session

SERVICES = tuple(f"service{letter}" for letter in "abcdefghijklmnopqrstuvwx")
LONGEST_MS = 2000
DIMENSIONS = [
    {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
    {"name": "target_service", "type": "categorical", "values": list(SERVICES)},
    {"name": "percentage", "type": "integer", "min": 1, "max": 100},
    {"name": "delay_ms", "type": "integer", "min": 1, "max": LONGEST_MS,
     "condition": {"field": "fault_type", "operator": "equals", "value": "delay"}},
]  # fmt: skip


@dataclass(frozen=True)
class Weakness:
    """What one service cannot bear: faults of this kind (or any), on so many requests, delays from so long on."""

    service: str
    kind: str | None
    percentage: float
    delay_ms: float

    def breaks(self, point: dict[str, Any]) -> bool:
        """Whether this fault brings it out."""
        return (
            point["target_service"] == self.service
            and self.kind in (None, point["fault_type"])
            and point["percentage"] >= self.percentage
            and point.get("delay_ms", LONGEST_MS) >= self.delay_ms
        )


def planted(rng: np.random.Generator) -> tuple[Weakness, ...]:
    """One to 24, each of a service of its own, some of which nearly any fault brings out and some hardly one."""
    kinds = ("delay", "abort", None)
    return tuple(
        Weakness(service, kinds[rng.integers(len(kinds))], rng.uniform(1, 80), rng.uniform(1, 0.8 * LONGEST_MS))
        for service in rng.permutation(SERVICES)[: rng.integers(1, len(SERVICES) + 1)].tolist()
    )


def seen_of(point: dict[str, Any] | None, weaknesses: Sequence[Weakness]) -> RawObservation:
    """A window under this fault; None is no fault."""
    broken = [each for each in weaknesses if point is not None and each.breaks(point)]
    calls = []
    for number, service in enumerate(SERVICES):
        ask = unanswered if any(each.service == service for each in broken) else hop
        calls += ask(f"s{number}", "g", service, f"GET /{service}")
    page = trace(*hop("g", None, "gateway", "GET /page", 80.0, 502 if broken else 200), *calls)
    share = point["percentage"] / 100 if point is not None and broken else 0.0
    return observed(
        traces={"page": page}, latency_ms=80.0, error_rate=share, status_code=502 if share > 0.5 else 200,
        logs=tuple(f"ERROR {each.service} is gone" for each in broken),
    )  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A session on them that has come to its end, and why it has."""

    session: Session
    reason: str
    weaknesses: Sequence[Weakness]

    def chance_of_a_new_one(self, rng: np.random.Generator, n: int) -> float:
        """Of so many free draws, the share that would bring out a weakness that no trial has."""
        points = [_point(trial.plans[0]) for trial in self.session.trials]
        hidden = [each for each in self.weaknesses if not any(map(each.breaks, points))]
        drawn = self.session.config.search_space.sample(rng, n)
        return sum(any(each.breaks(point) for each in hidden) for point in drawn) / n


def planted_session(
    data: Path, weaknesses: Sequence[Weakness], seed: int, *, most: int | None = None, **changes: Any
) -> Ended:
    """A session on them, from its beginning to its end, or until it has made as many trials as that."""
    asked = {
        "executor": {"type": "hfi", "endpoint": "http://127.0.0.1:1", "settle_s": 0},
        "search_space": {"dimensions": DIMENSIONS},
        "seed": seed,
        "optimizer": {"objective": "severity"},
        "screen": {"share": 0},
        "sample": {"share": 0},
        **changes,
    }
    plan = Plan()
    with open_session(make_session(data, parse_session(asked))) as session:
        plan.prepare(session, lambda _label: seen_of(None, weaknesses))
        while session.budget.left and len(session.trials) != most and (proposal := plan.next(session)) is not None:
            _try(session, proposal, weaknesses)
        return Ended(session, plan.over(session), weaknesses)


def _point(plan: FaultPlan) -> dict[str, Any]:
    fields = plan.model_dump(include={"fault_type", "target_service", "percentage", "delay_ms"})
    return {name: value for name, value in fields.items() if value is not None}


def _try(session: Session, proposal: Proposal, weaknesses: Sequence[Weakness]) -> None:
    control = Control(observation=seen_of(None, weaknesses), severity=0.0) if proposal.wants_control else None
    observation = seen_of(_point(proposal.plans[0]), weaknesses)
    draft = Trial(
        session_id=session.session_id,
        trial=session.next_number,
        status="scored",
        phase=proposal.phase,
        started_at=NOON,
        finished_at=NOON,
        point=proposal.point,
        plans=proposal.plans,
        observation=observation,
        score=steps.score(session, observation),
        why=proposal.why,
        control=control,
    )
    steps.record(session, draft)
