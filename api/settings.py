"""The facade's settings, with those that `boifi_core.settings` has for all of the service."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlsplit

from limits import parse
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from boifi_core.errors import InvalidInput
from boifi_core.safety.allowed_targets import parse_rules
from boifi_core.settings import Listed, ServiceSettings
from boifi_core.storage import Place
from boifi_core.storage.data_dir import state_path
from boifi_core.storage.yaml_file import read_yaml
from boifi_core.wire.endpoint import FileThere, parse_http_url
from boifi_core.wire.web_pages import is_loopback

Scope = Literal["read", "run", "admin"]


class ApiKey(BaseModel):
    """One API key: whose it is, what it may do, and its SHA-256; `python -m api.keys` makes one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    sha256: str
    scopes: tuple[Scope, ...] = ("read",)

    @field_validator("sha256")
    @classmethod
    def _a_digest(cls, text: str) -> str:
        if not re.fullmatch("[0-9a-f]{64}", text):
            raise ValueError("must be the SHA-256 of a key, 64 digits of 0 to 9 and a to f")
        return text


class Settings(ServiceSettings):
    """Everything that can be set of the service; a key of the file that is none of these is refused."""

    model_config = SettingsConfigDict(extra="forbid")

    database_url: str | None = Field(
        default=None,
        description=(
            "The index of sessions: `sqlite:///…` or `postgresql://…`; if not set `boifi.db` in the data dir, or in "
            "`state`."
        ),
    )
    provided: FileThere | None = Field(
        default=None,
        description=(
            "A YAML file of what requests may have by name alone, as `{provided: NAME}`: blocks of a session file, and "
            "single values, such as certificates."
        ),
    )
    host: str = Field(
        default="127.0.0.1", description="Where the facade listens. Beyond loopback it wants keys or tokens."
    )
    published_on_loopback: bool = Field(
        default=False,
        description=(
            "Say so where the facade's port is that of a container and published on loopback alone: without keys or "
            "tokens it then serves callers of any address, other containers of its network too."
        ),
    )
    port: int = Field(default=8000, ge=1, le=65535, description="The facade's port.")
    api_keys: tuple[ApiKey, ...] = Field(
        default=(), description="API keys, as a JSON list of `{name, sha256, scopes}`; made by `python -m api.keys`."
    )
    jwt_secret: SecretStr | None = Field(
        default=None, description="Accept JWT signed with this secret (HS256); 32 bytes at least."
    )
    jwt_jwks_url: str | None = Field(
        default=None, description="Accept JWT signed by a key of this JWKS (RS256); an `https://` URL."
    )
    jwt_audience: str = Field(default="boifi", description="The audience that a JWT must name.")
    jwt_issuer: str | None = Field(default=None, description="The issuer that a JWT must name, if set.")
    trusted_proxies: Listed = Field(
        default=(),
        description=(
            "Addresses and networks (`10.0.0.7`, `10.0.0.0/24`) of the proxies before the facade whose "
            "`X-Forwarded-For` and `X-Forwarded-Proto` are believed. Nobody else's are."
        ),
    )
    prefect_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description=(
            "The port of the Prefect server that `boifi serve` starts. If not set the one that it had before, at first "
            "4200, or a free one where somebody has that."
        ),
    )
    cors_origins: Listed = Field(default=(), description="Origins whose pages may call the facade from a browser.")
    rate_limit: str = Field(default="6000/minute", description="Requests of one client.")
    create_limit: str = Field(default="120/minute", description="Sessions that one client may create or validate.")
    failed_login_limit: str = Field(default="30/minute", description="Failed logins from one address.")
    max_body_bytes: int = Field(default=1_000_000, ge=1, description="The largest request body.")
    max_active_sessions: int = Field(default=200, ge=1, description="Sessions that may be unfinished at a time.")
    max_trials: int = Field(default=10_000, ge=1, description="The most trials that a session may ask for.")
    max_streams: int = Field(default=200, ge=1, description="Event streams that may be open at a time.")
    request_timeout_s: float = Field(default=30.0, gt=0, description="How long an answer may take to begin.")
    poll_s: float = Field(default=0.5, gt=0, description="How often running sessions' folders are looked at.")
    prefect_ui_url: str | None = Field(
        default=None, description="Prefect's UI, for links; `PREFECT_UI_URL`, else that of `PREFECT_API_URL`."
    )

    @field_validator("rate_limit", "create_limit", "failed_login_limit")
    @classmethod
    def _a_rate(cls, text: str) -> str:
        try:
            parse(text)
        except ValueError:
            raise ValueError("must be a rate, such as 120/minute") from None
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, listed: tuple[str, ...]) -> tuple[str, ...]:
        for each in listed:
            try:
                ipaddress.ip_network(each)
            except ValueError:
                raise ValueError(f"must be addresses and networks such as 10.0.0.0/24, got {each!r}") from None
        return listed

    @field_validator("allowed_targets")
    @classmethod
    def _targets(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        parse_rules(entries)
        return entries

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if origin != "*" and (
                parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise InvalidInput("cors_origins", "must be origins, http(s)://host[:port], or *", origin)
        return origins

    @field_validator("prefect_ui_url")
    @classmethod
    def _a_url(cls, url: str | None) -> str | None:
        if url is not None:
            parse_http_url(url)
        return url

    @field_validator("database_url")
    @classmethod
    def _a_database(cls, url: str | None) -> str | None:
        name = None if url is None else url.partition("://")[0]
        if name is not None and name.partition("+")[0] not in ("sqlite", "postgresql", "postgres"):
            raise ValueError("must be sqlite:///… or postgresql://…")
        return url

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < 32:
            raise ValueError("must have at least 32 bytes")
        return secret

    @field_validator("jwt_jwks_url")
    @classmethod
    def _trusted(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith("https://") and not url.startswith("http://127.0.0.1:"):
            raise ValueError("must be an https:// URL: whoever can change the keys can sign tokens")
        return url

    @model_validator(mode="after")
    def _closed_beyond_loopback(self) -> Settings:
        if not self.is_guarded and not self.published_on_loopback and not is_loopback(self.host):
            rule = "must be loopback while neither api_keys nor jwt_secret nor jwt_jwks_url is set"
            raise InvalidInput("host", rule, self.host)
        names = [key.name for key in self.api_keys]
        if len(set(names)) < len(names):
            raise InvalidInput("api_keys", "must have names that differ, so that the audit log tells them apart")
        return self

    @model_validator(mode="after")
    def _binds_secrets_to_hosts(self) -> Settings:
        if self.secret_hosts:
            from boifi_core.safety.secret_hosts import parse_bound  # with what opens connections

            parse_bound(self.secret_hosts)
        return self

    @model_validator(mode="after")
    def _provides_what_can_be_read(self) -> Settings:
        _ = self.provided_blocks
        return self

    @cached_property
    def provided_blocks(self) -> Mapping[str, Any]:
        """What requests may have by name, as the file had it when the service started."""

        blocks = read_yaml(self.provided) if self.provided is not None else {}
        if not isinstance(blocks, dict) or not all(isinstance(name, str) for name in blocks):
            raise InvalidInput("provided", "must be a mapping of names to blocks or values", str(self.provided))
        return blocks

    @property
    def is_guarded(self) -> bool:
        """Whether callers must show a key or a token."""
        return bool(self.api_keys or self.jwt_secret or self.jwt_jwks_url)

    @property
    def shared(self) -> Settings:
        """The same without secrets, for other processes."""
        return self.model_copy(update={"jwt_secret": None, "api_keys": (), "database_url": None})

    @property
    def written(self) -> dict[str, Place]:
        """What must be there to be written, by what people call it."""
        state = state_path(self.data, self.state)
        return {"the data dir": self.data, **({} if state == self.data else {"state": state})}

    def without_paths(self, text: str) -> str:
        """What a caller is told: the same without where on this machine data dir and state lie."""
        for place in (self.data, state_path(self.data, self.state)):
            text = text.replace(f"{place}/", "").replace(str(place), "the data dir")
        return text

    @property
    def store_url(self) -> str:
        """The database's URL with the driver that we use."""
        url = self.database_url or f"sqlite:///{state_path(self.data, self.state) / 'boifi.db'}"
        name, colon, rest = url.partition("://")
        driver = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}.get(name, name)
        return f"{driver}{colon}{rest}"

    @property
    def prefect_ui(self) -> str | None:
        """Where Prefect's UI is, without a slash at the end; None without a Prefect API."""
        api = os.environ.get("PREFECT_API_URL")
        url = self.prefect_ui_url or os.environ.get("PREFECT_UI_URL") or (api and api.rstrip("/").removesuffix("/api"))
        return url.rstrip("/") if url else None
