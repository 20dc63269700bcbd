"""Ending a session from outside, where its own process cannot: its state, its report, its policies."""

from __future__ import annotations

import json

from boifi_core.errors import BoifiError
from boifi_core.models import SessionStatus
from boifi_core.report.session_report import write_report_files
from boifi_core.safety.policies import CLEAR_TIMEOUT_S, sweep
from boifi_core.session.folder import SessionFolder
from boifi_core.session.opening import open_reachable
from boifi_core.session.run_file import DEATHS_FILE
from boifi_core.session.stored import state_without_holder
from boifi_core.storage import open_folder

INTERRUPTED = "interrupted"
"""How the reason of a session begins whose process was ended in good order."""


def end_session(folder: SessionFolder, reason: str, status: SessionStatus = SessionStatus.FAILED) -> list[str]:
    """Let a session that no process holds have ended, for this reason; returns what could not be done, one line each.

    Raises:
        SessionHeld: a process runs it after all.
    """
    problems = remove_policies(folder)
    with folder.held():
        folder.forget_stop()
        failure = reason if status is SessionStatus.FAILED else None
        state = state_without_holder(folder, status, reason, failure)
        try:
            write_report_files(folder, state)
        except (BoifiError, ValueError) as error:
            problems.append(f"report: {error}")
        finally:
            folder.write_state(state)
    return problems


def remove_policies(folder: SessionFolder) -> list[str]:
    """Remove the policies that a dead process of this session left; returns why not, if not."""
    own = folder.session_id[:8]
    try:
        injector = open_reachable(folder)
        try:
            sweep(injector, lambda start: start == own, timeout_s=CLEAR_TIMEOUT_S)
        finally:
            injector.close()
    except BoifiError as error:
        return [f"sweep: {error}"]
    return []


def count_death(folder: SessionFolder) -> int:
    """Note that the session's process has gone; returns how often it died since the last new trial.

    One that ended in good order, as its state then says, did not die. Its state says so until its successor writes the
    next: where that one has gone too without a word, it died.
    """
    trials = parts(folder)
    state = folder.state()
    is_interrupted = state is not None and (state.reason or "").startswith(INTERRUPTED)
    interrupted_at = state.updated_at.isoformat() if state is not None and is_interrupted else None
    try:
        before = json.loads(folder.files.read(DEATHS_FILE))
        deaths = int(before["deaths"]) if before["trials"] == trials else 0
    except (OSError, ValueError, KeyError, TypeError):  # not there, or damaged: counting begins anew
        before, deaths = {}, 0
    if interrupted_at is None or interrupted_at == before.get("interrupted_at"):
        deaths += 1
    now = {"trials": trials, "deaths": deaths, "interrupted_at": interrupted_at}
    folder.files.write(DEATHS_FILE, json.dumps(now).encode())
    return deaths


def parts(folder: SessionFolder) -> int:
    """How many parts the session's history has; the first is an empty one."""
    return len(open_folder(folder.history).names(prefix="part-"))
