"""Makes sessions, and makes those that are there ready to go on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.models import ENDED, SessionState, SessionStatus
from boifi_core.session.budget import counted
from boifi_core.session.config import Sample, SessionConfig, read_stored_session, stored_session
from boifi_core.session.folder import SessionFolder, SessionHeld
from boifi_core.session.healing import NOT_BACK
from boifi_core.session.run_file import DEATHS_FILE, FILE
from boifi_core.session.stored import read_trials, state_without_holder, stored_config
from boifi_core.session.warm_start import FILE as PAST_FILE
from boifi_core.session.warm_start import as_text, past_of
from boifi_core.storage import Place


def make_session(
    data: Place,
    config: SessionConfig,
    *,
    session_id: str | None = None,
    made_by: str | None = None,
    others: Mapping[str, str] = MappingProxyType({}),
) -> SessionFolder:
    """A new session's folder, with its config and its optimizer's seed in `session.json`.

    Args:
        session_id: the new session's; one is drawn where it is not given.
        made_by: `FACADE` or `NIGHT`, where the service carries it out.
        others: further files by name, which are there as soon as the session is.

    Raises:
        InvalidInput: `warm_start` names a session of which nothing can be learnt; nothing is made.
    """
    past = past_of(data, config.warm_start, config.search_space)
    folder = SessionFolder.of(data, session_id or str(uuid.uuid4()))
    session = stored_session(config, folder.session_id, datetime.now(UTC))
    if made_by is not None:
        session["made_by"] = made_by
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
    own = read_stored_session(stored)
    if own.search_space.dump() != config.search_space.dump():
        raise InvalidInput("--resume", "must be a session with the same search space", folder.session_id)
    merged = own.model_copy(
        update={
            "total_trials": config.total_trials,
            "initial_points": min(own.initial_points, config.total_trials),
            "executor": config.executor,
            "observer": config.observer,
            "expect": config.expect,
            "guardrails": config.guardrails,
            "confirm": config.confirm,
            "minimise": config.minimise,
            "sample": own.sample if config.sample == Sample() else config.sample,
            "stop_when": config.stop_when,
            "recovery": config.recovery,
            "max_failures_in_row": config.max_failures_in_row,
            "silence": config.silence,
            "optimizer": own.optimizer.model_copy(update={"stop_below": config.optimizer.stop_below}),
        }
    )
    session = stored_session(merged, folder.session_id, datetime.fromisoformat(stored["created_at"]))
    folder.rewrite({**stored, **session})
    folder.forget_stop()
    return merged


class NotResumable(BoifiError):
    """The session cannot go on, or has nothing to go on for; `code` says which, for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[NotResumable], tuple[str, str]]:
        return type(self), (self.code, str(self))


def reopen_session(folder: SessionFolder) -> bool:
    """Let a session of the service that has ended before its time be PENDING again, as it was asked for.

    Returns:
        False where it has not ended, and goes on by itself: then nothing is changed.

    Raises:
        NotResumable: it is running or about to end, has done all that it was to do, or is damaged.
    """
    try:
        with folder.held():
            state = folder.state()
            if state is None or state.status not in ENDED:
                if folder.stop_requested() or folder.cancel_requested():
                    raise NotResumable("stopping", "the session is about to end; ask again when it has")
                return False
            _see_what_is_left(folder, state)
            folder.rewrite({**folder.session(), "resumed_at": datetime.now(UTC).isoformat()})
            folder.forget_stop()
            for name in (DEATHS_FILE, FILE):
                folder.files.remove(name)
            # Last: until it says so, asking again begins here again.
            folder.write_state(
                state_without_holder(folder, SessionStatus.PENDING, "resumed; goes on when a worker is free")
            )
    except SessionHeld as error:
        raise NotResumable("running", "the session is running") from error
    return True


def _see_what_is_left(folder: SessionFolder, state: SessionState) -> None:
    try:
        made = len(counted(read_trials(folder, stored_config(folder))))
    except BoifiError as error:
        raise NotResumable("damaged", str(error)) from error
    goes_on = (state.reason or "").startswith(("stopped", NOT_BACK))
    is_whole = state.status is SessionStatus.COMPLETED and not goes_on
    if is_whole or (state.status is SessionStatus.COMPLETED and made >= state.progress.total_iterations):
        raise NotResumable("complete", f"nothing is left to do: the session is COMPLETED, {state.reason}")
