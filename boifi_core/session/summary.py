"""A session in one line: what lists show of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from boifi_core.models import ENDED, SessionState, SessionStatus
from boifi_core.value import Value


class Summary(Value):
    """What lists show of a session. `status` and `updated_at` are None before its first state.

    `created_at` is as it stands in `session.json`; `trials` of `total_trials` are made, the worst has severity `worst`.
    """

    name: str
    created_at: str
    total_trials: int
    status: SessionStatus | None = None
    updated_at: datetime | None = None
    trials: int = 0
    worst: float | None = None

    @classmethod
    def of(cls, session: dict[str, Any], state: SessionState | None) -> Self:
        """That of a session with this `session.json` and this state."""
        config = session["config"]
        made = cls(
            name=config.get("name", ""), created_at=session["created_at"], total_trials=config.get("total_trials", 0)
        )
        return made if state is None else made.with_state(state)

    @classmethod
    def of_state(cls, state: SessionState) -> Self:
        """The same, from the state alone."""
        total = state.progress.total_iterations
        return cls(name=state.name, created_at=state.created_at.isoformat(), total_trials=total).with_state(state)

    def with_state(self, state: SessionState) -> Self:
        """The same with this state."""
        best = state.progress.best_result
        return self.model_copy(
            update={
                "status": state.status,
                "updated_at": state.updated_at,
                "trials": state.progress.current_iteration,
                "worst": None if best is None else best.severity_score,
            }
        )

    @property
    def is_over(self) -> bool:
        """Whether the session has come to its end."""
        return self.status in ENDED
