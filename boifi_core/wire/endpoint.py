"""How to reach what answers HTTP."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import SplitResult, urlsplit

import httpx
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
)

from boifi_core.errors import InvalidInput
from boifi_core.value import Value, Whose

_MASK = "**********"

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_TOKEN_CHARACTERS = re.compile(r"[\x21-\x7e]+")


def variable_named(text: str) -> str | None:
    """The environment variable that `${NAME}` names; None if the text is none of that form."""
    match = _VARIABLE.fullmatch(text)
    return match[1] if match else None


def from_environment(text: str, field: str) -> str:
    """The text itself, or what the environment has for it if it is `${NAME}`.

    Raises:
        InvalidInput: the variable is not set.
    """
    name = variable_named(text)
    if name is None:
        return text
    if not os.environ.get(name):
        raise InvalidInput(field, "must name an environment variable that is set", text)
    return os.environ[name]


def parse_http_url(url: str) -> SplitResult:
    """The URL in parts.

    Raises:
        ValueError: no http or https URL, no host, or credentials in it: those would end up in logs and reports.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket that is not closed
        raise ValueError("must be an http:// or https:// URL with a host") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\\]", url):
        raise ValueError("must be an http:// or https:// URL with a host")
    if not _has_sound_port(parts):
        raise ValueError("port must be 1..65535")
    if "@" in parts.netloc:
        raise ValueError("must not carry credentials")
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("must be a valid URL") from None
    return parts


def _has_sound_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


LONGEST_URL = 2_000

_LONGEST_PATH = 4_096


def _that_is_there(path: Path) -> Path:
    try:
        is_there = len(str(path)) <= _LONGEST_PATH and path.is_file()
    except (OSError, ValueError):  # no name that a file could have
        is_there = False
    if not is_there:
        raise ValueError("must be a file that is there")
    return path


FileThere = Annotated[Path, AfterValidator(_that_is_there)]
"""The path of a file, which is there when it is read."""


class EndpointConfig(Value):
    """How to reach something that answers HTTP; whose it is says `section`, which errors name.

    `timeout_s` bounds the wait for each read, `connect_timeout_s` the making of a connection; calls as a whole have
    limits of their own. `token` is sent as bearer authorization: literal, or `${NAME}` to take it from the environment
    when it is needed; a literal one is masked wherever the config is written. `ca_file` is a PEM file of the
    authorities to trust instead of the usual ones.
    """

    section: ClassVar[str]

    endpoint: str = Field(max_length=LONGEST_URL)
    timeout_s: float = Field(default=30.0, gt=0, le=3_600)
    connect_timeout_s: float = Field(default=5.0, gt=0, le=3_600)
    token: Annotated[Annotated[SecretStr, Field(max_length=8_192)] | None, Whose.SECRET] = None
    ca_file: Annotated[FileThere | None, Whose.OPERATOR] = None

    @field_validator("endpoint")
    @classmethod
    def _base_url(cls, endpoint: str) -> str:
        parts = parse_http_url(endpoint)
        if parts.query or parts.fragment or "?" in endpoint or "#" in endpoint:
            raise ValueError("must have no query and no fragment")
        return endpoint.rstrip("/")

    def connects_to(self) -> Iterable[tuple[str, str]]:
        """All that it connects to: field within its section, and URL."""
        return (("endpoint", self.endpoint),)

    @field_serializer("token")
    def _written(self, token: SecretStr | None) -> str | None:
        if token is None:
            return None
        text = token.get_secret_value()
        return text if variable_named(text) else _MASK

    def token_by_name(self, variable: str) -> str | None:
        """The token as files may hold it: `${NAME}`, of this variable where it is a literal one."""
        if self.token is None:
            return None
        text = self.token.get_secret_value()
        return text if variable_named(text) else f"${{{variable}}}"

    def read_token(self) -> str | None:
        """The token itself, from the environment if it is `${NAME}`.

        Raises:
            InvalidInput: the variable is not set, or the token is none that can be sent.
        """
        if self.token is None:
            return None
        field = f"{self.section}.token"
        text = from_environment(self.token.get_secret_value(), field)
        if text == _MASK:
            raise InvalidInput(field, "is not kept with a session; write ${NAME} to name a variable instead")
        if not _TOKEN_CHARACTERS.fullmatch(text):
            raise InvalidInput(field, "must be printable ASCII without spaces")
        return text
