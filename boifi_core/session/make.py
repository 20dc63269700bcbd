"""Makes sessions, and makes those that are there ready to go on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from boifi_core.errors import InvalidInput
from boifi_core.session.config import SessionConfig, parse_session, stored_session
from boifi_core.session.folder import SessionFolder
from boifi_core.session.warm_start import FILE as PAST_FILE
from boifi_core.session.warm_start import as_text, past_of
from boifi_core.storage import Place


def make_session(
    data: Place,
    config: SessionConfig,
    *,
    session_id: str | None = None,
    others: Mapping[str, str] = MappingProxyType({}),
) -> SessionFolder:
    """A new session's folder, with its config and its optimizer's seed in `session.json`.

    Args:
        session_id: the new session's; one is drawn where it is not given.
        others: further files by name, which are there as soon as the session is.

    Raises:
        InvalidInput: `warm_start` names a session of which nothing can be learnt; nothing is made.
    """
    past = past_of(data, config.warm_start, config.search_space)
    folder = SessionFolder.of(data, session_id or str(uuid.uuid4()))
    session = stored_session(config, folder.session_id, datetime.now(UTC))
    folder.make(session, {**others, **({PAST_FILE: as_text(past)} if config.warm_start else {})})
    return folder


def resume_session(folder: SessionFolder, config: SessionConfig) -> SessionConfig:
    """Make a stored session ready to go on: what it has learnt from stays its own, the rest is this file's.

    Its own are search space, seed, optimizer, analyzer and past; this file's are number of trials, executor, observer,
    guardrails, recovery, failures in a row, and when to stop early.

    Raises:
        InvalidInput: the session was made with another search space.
    """
    stored = folder.session()
    own = parse_session(stored["config"])
    if own.search_space.dump() != config.search_space.dump():
        raise InvalidInput("--resume", "must be a session with the same search space", folder.session_id)
    merged = own.model_copy(
        update={
            "total_trials": config.total_trials,
            "initial_points": min(own.initial_points, config.total_trials),
            "executor": config.executor,
            "observer": config.observer,
            "guardrails": config.guardrails,
            "confirm": config.confirm,
            "minimise": config.minimise,
            "recovery": config.recovery,
            "max_failures_in_row": config.max_failures_in_row,
            "optimizer": own.optimizer.model_copy(update={"stop_below": config.optimizer.stop_below}),
        }
    )
    session = stored_session(merged, folder.session_id, datetime.fromisoformat(stored["created_at"]))
    folder.rewrite(session)
    folder.forget_stop()
    return merged
