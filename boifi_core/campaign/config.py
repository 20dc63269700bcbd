"""The campaign file: which sessions run every night, how many at a time, for how long, and who is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator, model_validator

from boifi_core.errors import InvalidInput
from boifi_core.session.config import (
    SessionConfig,
    parse_session,
    read_session_file,
    refuse_beyond_json,
    stored_config_of,
)
from boifi_core.storage.yaml_file import read_yaml
from boifi_core.value import Value

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CRON_FIELDS = 5


class Schedule(Value):
    """When a campaign runs by itself: a cron line of five fields, in a time zone by its name (`Europe/Berlin`)."""

    cron: str = Field(max_length=200)
    timezone: str = Field(default="UTC", max_length=100)

    @field_validator("cron")
    @classmethod
    def _has_five_fields(cls, cron: str) -> str:
        if len(cron.split()) != _CRON_FIELDS or re.search(r"[^\w\s*/,\-#?]", cron):
            raise ValueError("must be a cron line of five fields")
        return cron

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be a time zone's name, such as Europe/Berlin") from None
        return name


def _session(value: Any) -> SessionConfig:
    return value if isinstance(value, SessionConfig) else parse_session(value)


class CampaignConfig(Value):
    """A campaign file, checked.

    `at_once` sessions run at a time, `max_duration_s` is for the whole night, seconds. `replays` is how often each
    known failure is measured again before the search begins; one that shows in none of them is fixed. `fail_on` is the
    severity from which a new or worse failure lets the night fail. `webhook` gets the outcome as JSON by POST;
    `${VARIABLE}` in it is taken from the environment where the night runs, so that no secret lies in a file.
    """

    name: str = Field(max_length=63)
    schedule: Schedule | None = None
    sessions: tuple[
        Annotated[SessionConfig, BeforeValidator(_session), PlainSerializer(stored_config_of, return_type=Any)], ...
    ] = Field(min_length=1, max_length=200)
    at_once: int = Field(default=2, ge=1, le=50)
    max_duration_s: float = Field(default=6 * 3600, gt=0, le=30 * 86_400)
    replays: int = Field(default=2, ge=1, le=20)
    fail_on: float = Field(default=7.0, ge=0, le=10)
    webhook: str | None = Field(default=None, max_length=2_000)

    @field_validator("name")
    @classmethod
    def _can_name_files(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("must be 1 to 63 lower-case letters, digits, - and _, and begin with a letter or digit")
        return name

    @field_validator("webhook")
    @classmethod
    def _can_be_called(cls, webhook: str | None) -> str | None:
        if webhook is not None and not webhook.startswith(("http://", "https://", "${")):
            raise ValueError("must be an http:// or https:// URL, or begin with ${NAME}")
        return webhook

    @model_validator(mode="after")
    def _tells_sessions_apart(self) -> Self:
        names = [session.name for session in self.sessions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidInput("sessions", "must have names that differ", twice[0])
        return self


def parse_campaign(data: Any) -> CampaignConfig:
    """A campaign from its stored value."""
    if not isinstance(data, dict):
        raise InvalidInput("campaign file", "must be a mapping of settings", data)
    refuse_beyond_json({name: value for name, value in data.items() if name != "sessions"})
    if isinstance(data.get("sessions"), list):
        data = {**data, "sessions": [_numbered(number, session) for number, session in enumerate(data["sessions"])]}
    return CampaignConfig.read(data)


def _numbered(number: int, session: Any) -> SessionConfig:
    if not isinstance(session, (SessionConfig, dict)):
        raise InvalidInput(f"sessions[{number}]", "must be a session, or the name of its file", session)
    try:
        return _session(session)
    except InvalidInput as error:
        raise error.at(f"sessions[{number}].{error.field}") from None


def read_campaign_file(path: Path) -> CampaignConfig:
    """Read a campaign file; a session that is named as a file lies beside it.

    Raises:
        InvalidInput: no such file, no YAML, or a field that breaks its rule; one line.
    """
    data = read_yaml(path)
    if isinstance(data, dict) and isinstance(data.get("sessions"), list):
        sessions = [
            read_session_file(path.parent / entry) if isinstance(entry, str) else entry for entry in data["sessions"]
        ]
        data = {**data, "sessions": sessions}
    return parse_campaign(data)
