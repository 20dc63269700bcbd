"""What can be set of the service and concerns all of its processes; `api.settings` adds what is the facade's alone.

A setting is taken from `BOIFI_…` in the environment, else from the YAML file that `BOIFI_CONFIG` names, else from
`config/default.yaml`, which holds what stands here.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from boifi_core.errors import InvalidInput
from boifi_core.storage import Place, S3Path, place_of
from boifi_core.storage.data_dir import state_path
from boifi_core.storage.private import make_private
from boifi_core.storage.yaml_file import read_yaml

_ROOM = Path(__file__).resolve().parent

SHIPPED_FILE = _ROOM / "shipped_config" / "default.yaml"
"""Where a wheel has `config/default.yaml`: within this package, since `config` beside it could be anybody's."""

DEFAULT_FILE = SHIPPED_FILE if SHIPPED_FILE.is_file() else _ROOM.parent / "config" / "default.yaml"


def _split(value: object) -> object:
    """A list as people write it into an environment variable: `a, b`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _place(value: Any) -> Place:
    return place_of(value if isinstance(value, (Path, S3Path)) else str(value))


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list of texts; in the environment separated by commas."""


class ServiceSettings(BaseSettings):
    """What facade, workers and sessions must agree on."""

    model_config = SettingsConfigDict(env_prefix="BOIFI_", extra="ignore", frozen=True)

    data: Annotated[Place, PlainValidator(_place), PlainSerializer(str)] = Field(
        default=Path("boifi-data"), validate_default=True,
        description="The data dir, a path or `s3://bucket/prefix`: sessions; on disk also database and audit log.",
    )  # fmt: skip
    state: Path = Field(
        default=Path("boifi-state"),
        description="What must be on this machine's own disk where the data dir is in object storage: below it, in "
        "`bucket/prefix`, lie database, audit log and Prefect's home.",
    )
    allowed_targets: Listed = Field(
        default=("loopback",),
        description=(
            "Where control planes, probed services and tracing backends of requested sessions may be: `loopback`, host "
            "names (`mesh.local`, `*.mesh.local`), addresses and networks (`10.0.0.0/8`), each with a port or without "
            "(`mesh.local:8080`, `[fd00::7]:8080`). "
            "Link-local and metadata addresses never are. Facade and workers each look at their own."
        ),
    )
    secret_hosts: dict[str, Listed] = Field(
        default={},
        description=(
            "Where requested sessions may send secrets: environment variables of the workers, each with hosts as in "
            "`allowed_targets`, as in `{BOIFI_EXECUTOR_TOKEN: [mesh.local]}`; JSON in the environment. A name covers "
            "that name alone, an address or network no name. What is not here no request can name."
        ),
    )
    sessions_at_once: int = Field(default=20, ge=1, description="Sessions that one worker runs at a time.")
    session_life_s: float = Field(
        default=24 * 3600.0, gt=0, description="How long after it was made a session is stopped, seconds."
    )

    @field_validator("state")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, _Environment(settings_cls), *(_of_file(settings_cls, path) for path in _files()))


class _Environment(EnvSettingsSource):
    """`BOIFI_…` variables; one that must be JSON and is none is named as it stands there."""

    def __call__(self) -> dict[str, Any]:
        try:
            return super().__call__()
        except SettingsError as error:
            named = re.search(r'field "(\w+)"', str(error))
            raise SettingsError(f"BOIFI_{named[1].upper()}: must be JSON" if named else str(error)) from error


def state_dir(data: Place) -> Path:
    """Where that lies which must be on this machine's own disk: Prefect's home, logs, the database; made if missing.

    It is the data dir itself where that is on disk, else a folder named like it in the one of the setting `state`.

    Raises:
        InvalidInput: it cannot be made, or a setting breaks its rule.
    """
    if isinstance(data, Path):
        return data
    path = state_path(data, _state(os.environ.get("BOIFI_STATE"), os.environ.get("BOIFI_CONFIG"), Path.cwd()))
    try:
        make_private(path)
    except OSError as error:
        rule = f"must be a folder that can be written ({error.strerror})"
        raise InvalidInput("BOIFI_STATE", rule, str(path)) from error
    return path


@cache
def _state(*_read_from: object) -> Path:
    return service_settings().state


def service_settings() -> ServiceSettings:
    """The settings as this process finds them.

    Raises:
        InvalidInput: one breaks its rule.
    """
    try:
        return ServiceSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"BOIFI_{str(first['loc'][0]).upper()}" if first["loc"] else "settings"
        raise InvalidInput(name, "must be what docs/configuration.md says of it", first["input"]) from None
    except SettingsError as error:
        raise InvalidInput("settings", str(error)) from None


def _files() -> list[Path]:
    """The files that settings are taken from, the first before the second."""
    given = os.environ.get("BOIFI_CONFIG")
    if given and not Path(given).is_file():
        raise SettingsError(f"BOIFI_CONFIG: must be a file, got {given}")
    return [*([Path(given)] if given else []), DEFAULT_FILE]


def _of_file(settings_cls: type[BaseSettings], path: Path) -> InitSettingsSource:
    try:
        data = read_yaml(path) or {}
    except InvalidInput as error:
        raise SettingsError(str(error)) from error
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise SettingsError(f"{path}: must be a mapping of settings")
    return InitSettingsSource(settings_cls, init_kwargs=data)
