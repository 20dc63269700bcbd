"""The checks, by name, and what they said: `preflight.json` in a session's folder.

A new check is a file beside this one, with a function of what is looked at, and a line in `CHECKS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from pydantic import TypeAdapter, ValidationError

from boifi_core.session.folder import SessionFolder
from boifi_core.session.preflight.answers import answers
from boifi_core.session.preflight.base import Line, Outcome, Sight
from boifi_core.session.preflight.control_plane import control_plane
from boifi_core.session.preflight.fault import fault
from boifi_core.session.preflight.few_requests import few_requests
from boifi_core.session.preflight.services import services
from boifi_core.session.preflight.traces import traces

CHECKS: dict[str, Callable[[Sight], Line]] = {
    "control_plane": control_plane,
    "answers": answers,
    "few_requests": few_requests,
    "traces": traces,
    "services": services,
    "fault": fault,
}
"""All checks, in their order; nothing is injected where one before has failed."""

FILE = "preflight.json"

_LINES = TypeAdapter(tuple[Line, ...])


def look(sight: Sight) -> tuple[Line, ...]:
    """What each check says; of one that is not made, that."""
    lines: list[Line] = []
    for name, check in CHECKS.items():
        if check is fault and any(line.outcome is Outcome.FAILED for line in lines):
            break
        line = check(sight)
        is_silent = line.outcome is Outcome.WARNED and name in sight.config.silence
        outcome = Outcome.PASSED if is_silent else line.outcome
        lines.append(line.model_copy(update={"check": name, "outcome": outcome}))
    return tuple(lines)


def keep(folder: SessionFolder, lines: Sequence[Line]) -> None:
    """Write what the checks said when the session was last begun."""
    kept = [line.model_dump(mode="json", exclude_none=True) for line in lines]
    folder.files.write(FILE, json.dumps(kept, indent=2, ensure_ascii=False).encode())


def kept(folder: SessionFolder) -> tuple[Line, ...]:
    """What `keep` wrote; nothing where there is none, or it is damaged: the next run looks again."""
    try:
        return _LINES.validate_json(folder.files.read(FILE))
    except (OSError, ValidationError):
        return ()
