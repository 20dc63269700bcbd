"""Known failures that a session measures again before it looks for others; they lie in its folder as `replays.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import Choice, Phase, Point, Trial
from boifi_core.safety.policies import with_expiry
from boifi_core.session.folder import SessionDamaged
from boifi_core.session.live import Session
from boifi_core.session.trial import Proposal
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


def next_replay(session: Session) -> Proposal | None:
    """The first measurement that was not made yet; None if there is none.

    Raises:
        SessionDamaged: the file cannot be read.
    """
    path = session.folder.path / FILE
    try:
        wanted = _REPLAYS.validate_json(session.folder.files.read(FILE))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise SessionDamaged(f"{path} cannot be read: {error}") from error
    made = sum(is_of_known(trial) for trial in session.trials)
    if made >= len(wanted):
        return None
    replay = wanted[made]
    sent = [session.injector.as_sent(plan.model_copy(update={"duration_seconds": None})) for plan in replay.plans]
    plans = with_expiry(sent, session.config.executor.timeout_s)
    return Proposal(replay.point, plans, Phase.REPLAY, why=Choice(reason=REASON))


def is_of_known(trial: Trial) -> bool:
    """Whether the trial measured a known failure again."""
    return trial.phase is Phase.REPLAY and trial.why is not None and trial.why.reason == REASON
