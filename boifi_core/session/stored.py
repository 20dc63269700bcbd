"""What a session that nobody runs says of itself."""

from __future__ import annotations

from datetime import UTC, datetime

from boifi_core.errors import BoifiError
from boifi_core.history.dataset import History
from boifi_core.models import (
    OptimizationProgress,
    SessionState,
    SessionStatus,
    Trial,
)
from boifi_core.session.config import SessionConfig, read_stored_session
from boifi_core.session.folder import SessionFolder
from boifi_core.session.progress import progress


def read_trials(folder: SessionFolder, config: SessionConfig) -> list[Trial]:
    """The trials that a session's history holds now."""
    return History(folder.history, config.search_space).trials()


def stored_config(folder: SessionFolder) -> SessionConfig:
    """The config that a session was made with."""
    return read_stored_session(folder.session())


def failed_state(folder: SessionFolder, reason: str) -> SessionState:
    """The state of a session that cannot go on, whatever it has made of its trials."""
    return state_without_holder(folder, SessionStatus.FAILED, reason, error_message=reason)


def state_without_holder(
    folder: SessionFolder, status: SessionStatus, reason: str, error_message: str | None = None
) -> SessionState:
    """The state of a session that nobody runs, told by whoever decides about it: its latest, with this instead."""
    now = {"status": status, "reason": reason, "error_message": error_message, "updated_at": datetime.now(UTC)}
    before = folder.state()
    if before is not None:
        return before.model_copy(update=now)
    stored, config = folder.session(), stored_config(folder)
    try:
        far = progress(read_trials(folder, config), config.total_trials)
    except BoifiError:  # its history is damaged; whoever wants to read it is told so
        far = OptimizationProgress(current_iteration=0, total_iterations=config.total_trials)
    return SessionState(
        session_id=folder.session_id,
        name=config.name,
        created_at=datetime.fromisoformat(stored["created_at"]),
        progress=far,
        **now,
    )
