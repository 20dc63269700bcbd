"""The target without a fault, seen before the first trial: what all trials are compared with."""

from __future__ import annotations

from boifi_core.errors import BoifiError
from boifi_core.session.events import BaselineSeen
from boifi_core.session.phases.base import Observe, SessionPhase
from boifi_core.session.session import Session

UNHEALTHY_SEVERITY = 2.0
"""A target whose median fault-free severity is above this is not at its steady state."""


class TargetUnhealthy(BoifiError):
    """The target is in trouble without any fault of ours."""


class Baseline(SessionPhase):
    """Some fault-free observations, each time that the session is run."""

    name = "baseline"

    def prepare(self, session: Session, observe: Observe) -> None:
        """Learn what is normal.

        Raises:
            TargetUnhealthy: it is not at its steady state.
            ExecutorError: it cannot be observed.
        """
        severity = session.learn_baseline(
            [observe(f"baseline {n}") for n in range(1, session.config.baseline_observations + 1)]
        )
        seen = session.baseline
        assert seen is not None
        session.tell(BaselineSeen(session.session_id, seen, severity))
        if severity > UNHEALTHY_SEVERITY:
            raise TargetUnhealthy(
                f"the target is not healthy without a fault: median severity {severity:.1f}, must be at most "
                f"{UNHEALTHY_SEVERITY:g} (status {seen.status_code}, latency {seen.latency_ms} ms, "
                f"error rate {seen.error_rate})"
            )
        session.keep_baseline()
