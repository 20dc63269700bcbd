"""What a session has learnt from before its own first trial: the trials of earlier sessions in its data dir.

They are copied into the session's folder, so that it can be resumed when those sessions are gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.history.dataset import History
from boifi_core.models import Phase, Trial
from boifi_core.optimizer.warm_start import Entry, translated
from boifi_core.session.folder import SessionDamaged, SessionFolder, find_session
from boifi_core.space import SearchSpace
from boifi_core.storage import Place

FILE = "past.json"


def past_of(data: Place, session_ids: Sequence[str], space: SearchSpace) -> list[Entry]:
    """The trials of these sessions, in this order, each with what was fixed in its session among its point.

    Raises:
        InvalidInput: no such session, none whose history can be read, or none that fits `space`; it names which.
    """
    return [
        entry
        for number, session_id in enumerate(session_ids)
        for entry in _past_of(data, session_id, space, f"warm_start[{number}]")
    ]


def _past_of(data: Place, session_id: str, space: SearchSpace, field: str) -> list[Entry]:
    try:
        folder = find_session(data, session_id)
    except InvalidInput as error:
        raise InvalidInput(field, error.rule, session_id) from None
    try:
        theirs = SearchSpace.parse(folder.session()["config"]["search_space"])
        trials = History(folder.history, theirs).trials()
    except (BoifiError, KeyError, TypeError) as error:
        raise InvalidInput(field, f"must be a session whose history can be read ({error})", session_id) from error
    found: list[Entry] = [
        ({**theirs.fixed, **trial.point}, training_score(trial), signals(trial))
        for trial in trials
        if trial.trains and trial.phase not in (Phase.REPLAY, Phase.MINIMISE)
    ]
    if not len(translated(space, found)):
        rule = f"must be a session with scored trials that fit this search space; of its {len(found)} none does"
        raise InvalidInput(field, rule, session_id)
    return found


def as_text(past: Sequence[Entry]) -> str:
    """What the session's folder keeps of it."""
    return json.dumps([{"point": point, "score": score, "signals": told} for point, score, told in past])


def stored_past(folder: SessionFolder) -> list[Entry]:
    """What `as_text` kept.

    Raises:
        SessionDamaged: it cannot be read.
    """
    path = folder.path / FILE
    try:
        data: list[dict[str, Any]] = json.loads(folder.files.read(FILE))
        return [(entry["point"], entry["score"], entry["signals"]) for entry in data]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SessionDamaged(
            f"{path} cannot be read: {error}; what the session had learnt from earlier ones is lost: restore the file, "
            "or begin a session anew"
        ) from error


def training_score(trial: Trial) -> float | None:
    """The severity that the model may learn from this trial; None if it may not."""
    return trial.severity if trial.trains else None


def signals(trial: Trial) -> dict[str, float]:
    """The numbers beneath the severity, by name, that the optimizer may use."""
    values: dict[str, float | None] = {}
    if trial.score is not None:
        values |= {
            "bug_score": trial.score.bug_score,
            "performance_score": trial.score.performance_score,
            "structure_score": trial.score.structure_score,
        }
    if trial.observation is not None:
        values |= {"latency_ms": trial.observation.latency_ms, "error_rate": trial.observation.error_rate}
    return {name: value for name, value in values.items() if value is not None}
