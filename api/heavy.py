"""What is done in processes of its own (`api.work`): all that computes for long, or needs the libraries that compute.

Those are imported where they are used: the facade knows these functions, and goes without the libraries.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from api.models import ValidationResponse
from api.requests import checked
from api.settings import Settings
from boifi_core.models import SessionStatus
from boifi_core.safety.allowed_targets import check_reach, parse_rules
from boifi_core.safety.secret_hosts import check_secrets
from boifi_core.session.folder import FACADE, SessionFolder

LIBRARIES = (
    "api.exports", "boifi_core.session.check", "boifi_core.session.make", "boifi_core.report.session_report",
    # What httpx imports at its first client.
    "httpcore", "h2.connection", "certifi",
)  # fmt: skip
"""The modules with which these functions work."""


def validated(request: BaseModel, settings: Settings) -> ValidationResponse:
    """What a request that would be accepted asks for.

    Raises:
        InvalidInput: it would not be.
    """
    from boifi_core.session.learning import sent_space
    from boifi_core.session.warm_start import past_of

    config, warnings = checked(request, settings)
    past_of(settings.data, config.warm_start, config.search_space)
    space = sent_space(config)
    notes = (f"search_space.{reason}" for reason in space.twins)
    return ValidationResponse(
        dimensions=len(space.dimensions), points=space.n_points, faults=space.n_faults, warnings=(*warnings, *notes)
    )


def made(request: BaseModel, settings: Settings, session_id: str, others: dict[str, str]) -> tuple[str, list[str]]:
    """Make the session that a request asks for; returns its target, and warnings.

    Raises:
        InvalidInput: it may not, or cannot, run here; nothing is made.
    """
    from boifi_core.session.make import make_session

    config, warnings = checked(request, settings)
    make_session(settings.data, config, session_id=session_id, made_by=FACADE, others=others)
    return config.executor.endpoint, warnings


def reopened(folder: SessionFolder, settings: Settings) -> bool:
    """Let a session that has ended go on; False where it is about to already.

    Raises:
        InvalidInput: its target may not be reached any more, or a secret may not be sent there.
        BoifiError: as `reopen_session`.
    """
    from boifi_core.session.make import reopen_session
    from boifi_core.session.stored import stored_config

    if folder.is_requested:
        config = stored_config(folder)
        check_reach(config.connects_to(), parse_rules(settings.allowed_targets))
        check_secrets(config, settings.secret_hosts)
    return reopen_session(folder)


def report(folder: SessionFolder, form: str) -> str:
    """A session's report, as it is now: `md`, `html` or `json`."""
    from boifi_core.report.session_report import render

    return render(folder, form)


def exported(folder: SessionFolder, form: str, path: Path) -> None:
    """Write a session's trials to a file."""
    from api.exports import export

    with path.open("wb") as file:
        file.writelines(export(folder, form))


def end_unstarted(folder: SessionFolder) -> None:
    """End a session that has no flow run: nobody else would.

    Its stop request stays: a flow run that is being made for it at this moment ends at once.
    """
    from boifi_core.session.stored import state_without_holder

    with folder.held():
        folder.write_state(state_without_holder(folder, SessionStatus.COMPLETED, "stopped before it began"))
