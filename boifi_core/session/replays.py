"""Known failures that a session measures again before it looks for others; they lie in its folder as `replays.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Phase, Point, Trial
from boifi_core.session.folder import SessionDamaged, SessionFolder
from boifi_core.value import Value

FILE = "replays.json"

REASON = "known failure"
"""The reason of the trials that measure one again."""


class Replay(Value):
    """One measurement that is to be made: whose failure it is of, by its campaign's name for it, and the fault."""

    known: str
    plans: tuple[FaultPlan, ...]
    point: Point


_REPLAYS = TypeAdapter(tuple[Replay, ...])


def as_text(replays: Sequence[Replay]) -> str:
    """What the session's folder keeps of them."""
    stored: list[dict[str, Any]] = [replay.model_dump(mode="json", exclude_none=True) for replay in replays]
    return json.dumps(stored)


def replays_of(folder: SessionFolder) -> tuple[Replay, ...]:
    """The measurements that are to be made, in this order; none where the folder names none.

    Raises:
        SessionDamaged: the file cannot be read.
    """
    try:
        return _REPLAYS.validate_json(folder.files.read(FILE))
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        why = " ".join(str(error).split())[:200]
        raise SessionDamaged(
            f"{folder.path / FILE} cannot be read: {why}; which known failures were to be measured again is lost: "
            "remove the file to go on without"
        ) from error


def is_of_known(trial: Trial) -> bool:
    """Whether the trial measured a known failure again."""
    return trial.phase == Phase.REPLAY and trial.why is not None and trial.why.reason == REASON
