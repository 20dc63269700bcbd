"""What is known of a trial while it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from boifi_core.errors import BoifiError
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Control, RawObservation, SeverityScore, StepDurations, Trial
from boifi_core.safety.pauses import Lost, Paused, awake_s
from boifi_core.safety.settling import Lags
from boifi_core.session.proposal import Proposal
from boifi_core.session.trial import status_of


class Attempt:
    """What is known of a trial while it is made."""

    def __init__(
        self, session_id: str, number: int, proposal: Proposal, propose_ms: float | None, control: Control | None
    ) -> None:
        self.session_id = session_id
        self.number = number
        self.proposal = proposal
        self.control = control
        self.started_at = datetime.now(UTC)
        self.durations: dict[str, float] = {} if propose_ms is None else {"propose_ms": propose_ms}
        self.observation: RawObservation | None = None
        self.score: SeverityScore | None = None
        self.error: Exception | None = None
        self.left: list[str] = []
        self.retries = 0
        self.lost = Lost()
        self.in_force_ms: float | None = None
        self.gone_ms: float | None = None
        self.held_ms: float | None = None

    @property
    def plans(self) -> Sequence[FaultPlan]:
        return self.proposal.plans

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        started = awake_s()
        try:
            yield
        finally:
            self.durations[step] = ms_since(started)

    def waited(self, seconds: float, lags: Lags) -> None:
        """For so long its fault was waited for to be in force; for as long as `lags` says it counts as not gone."""
        if self.plans and lags.longest_s > 0:
            self.in_force_ms, self.gone_ms = seconds * 1000, lags.gone_s * 1000

    def cancel(self) -> None:
        """Somebody broke the trial off: whatever it has by now, it failed."""
        self.error, self.score = BoifiError("cancelled"), None

    def paused(self) -> Paused:
        """The machine stood still while the fault was watched: whatever was seen, it tells nothing."""
        self.error, self.observation = Paused(f"{self.lost} while it was measured"), None
        return self.error

    def trial(self) -> Trial:
        """The trial as a value, with every reason there is."""
        degraded = self.observation.degraded if self.observation else ()
        reasons = [*([str(self.error)] if self.error else []), *degraded, *self.left]
        proposal = self.proposal
        return Trial(
            session_id=self.session_id,
            trial=self.number,
            status=status_of(self.observation, self.error),
            reason="; ".join(reasons) or None,
            phase=proposal.phase,
            started_at=self.started_at,
            finished_at=datetime.now(UTC),
            point=proposal.point,
            plans=proposal.plans,
            observation=self.observation,
            score=self.score,
            predicted_mean=proposal.predicted_mean,
            predicted_std=proposal.predicted_std,
            why=proposal.why,
            control=self.control,
            durations=StepDurations(**self.durations),
            retries=self.retries,
            in_force_ms=self.in_force_ms,
            gone_ms=self.gone_ms,
            held_ms=self.held_ms,
        )


def ms_since(started: float) -> float:
    """Milliseconds since a moment of `awake_s`."""
    return (awake_s() - started) * 1000
