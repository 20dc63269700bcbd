"""The only file here that knows the program from inside: a whole session, without a clock, a network or Prefect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from boifi_core.analyzer import AnalyzerService
from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Control, RawObservation, SeverityScore, Trial, TrialStatus
from boifi_core.session import trial as steps
from boifi_core.session.config import read_stored_session
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.plan import Plan
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

Respond = Callable[[Sequence[FaultPlan]], dict[str, Any]]


class PlansMean(AnalyzerService):
    """Scores as 0.1.0 did: the total is the mean of all three scores, whatever was observed and however many failed.

    So what is recorded stays the proof that the search is the same: it is told the same severities.
    """

    def calculate_severity(
        self, observation: RawObservation, baseline: RawObservation | Normal | None = None
    ) -> SeverityScore:
        score = super().calculate_severity(observation, baseline)
        weights = self.config.weights
        by_weight = ((weights["bug"], score.bug_score), (weights["perf"], score.performance_score),
                     (weights["struct"], score.structure_score))  # fmt: skip
        mean = sum(weight * each for weight, each in by_weight) / sum(weight for weight, _ in by_weight)
        return score.model_copy(update={"total_score": min(10.0, mean), "unobserved": ()})


def trials(session_file: dict[str, Any], session_id: str, data: Path, respond: Respond) -> Iterator[Trial]:
    """All trials of a session of a target that is computed; it lies in `data` then."""
    as_then = read_stored_session({"config": session_file})
    folder = make_session(data, as_then, session_id=session_id)
    with open_session(folder) as session:
        healthy = RawObservation(**respond(()), timestamp=NOON)
        plan = Plan()
        plan.prepare(session, lambda _label: healthy)
        session.analyzer = PlansMean(session.analyzer.config)
        while (proposal := plan.next(session)) is not None:
            yield _made(session, proposal, respond)


def _made(session: Session, proposal: Proposal, respond: Respond) -> Trial:
    control = None
    if proposal.wants_control:
        observation = RawObservation(**respond(()), timestamp=NOON)
        control = Control(observation=observation, severity=session.severity(observation))
    observation = RawObservation(**respond(proposal.plans), timestamp=NOON)
    draft = Trial(
        session_id=session.session_id,
        trial=session.next_number,
        status=TrialStatus.SCORED,
        phase=proposal.phase,
        started_at=NOON,
        finished_at=NOON,
        point=proposal.point,
        plans=proposal.plans,
        observation=observation,
        score=steps.score(session, observation),
        predicted_mean=proposal.predicted_mean,
        predicted_std=proposal.predicted_std,
        why=proposal.why,
        control=control,
    )
    return steps.record(session, draft)
