"""How to reach what answers HTTP."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import SplitResult, urlsplit

import httpx
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

from boifi_core.errors import InvalidInput
from boifi_core.value import Value, Whose, complaint
from boifi_core.wire.environment import from_environment, variable_named
from boifi_core.wire.headers import MOST_HEADERS, Headers, check_headers, read_headers

_MASK = "**********"

_OURS = frozenset({"accept", "accept-encoding", "content-type", "host", "user-agent"})

_TOKEN_CHARACTERS = re.compile(r"[\x21-\x7e]+")


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


class Trust(Value):
    """Whom a client trusts over TLS, and who it says that it is: files of the machine that it runs on, PEM.

    `ca_file` has the authorities to trust instead of the usual ones, `client_cert_file` the client's own certificate,
    and `client_key_file` the key of that, where it is not in the same file.
    """

    ca_file: Annotated[FileThere | None, Whose.OPERATOR] = None
    client_cert_file: Annotated[FileThere | None, Whose.OPERATOR] = None
    client_key_file: Annotated[FileThere | None, Whose.OPERATOR] = None

    @model_validator(mode="after")
    def _key_of_a_certificate(self) -> Self:
        if self.client_key_file is not None and self.client_cert_file is None:
            raise complaint("must stand beside client_cert_file", str(self.client_key_file), "client_key_file")
        return self


class BasicAuth(Value):
    """User and password; the password is `${NAME}`, and the user may be."""

    user: str = Field(min_length=1, max_length=200)
    password: Annotated[str, Whose.SECRET] = Field(max_length=200)

    @field_validator("password")
    @classmethod
    def _by_name(cls, password: str) -> str:
        if variable_named(password) is None:
            raise complaint("must be ${NAME}, so that it stands in no file", {})
        return password


class EndpointConfig(Trust):
    """How to reach something that answers HTTP; whose it is says `section`, which errors name.

    `timeout_s` bounds the wait for each read, `connect_timeout_s` the making of a connection; calls as a whole have
    limits of their own. `token` is sent as bearer authorization: literal, or `${NAME}` to take it from the environment
    when it is needed; a literal one is masked wherever the config is written. `basic_auth` goes in its place; `headers`
    are sent with every request, secret ones by `${NAME}`.
    """

    section: ClassVar[str]

    endpoint: str = Field(max_length=LONGEST_URL)
    timeout_s: float = Field(default=30.0, gt=0, le=3_600)
    connect_timeout_s: float = Field(default=5.0, gt=0, le=3_600)
    token: Annotated[Annotated[SecretStr, Field(max_length=8_192)] | None, Whose.SECRET] = None
    basic_auth: Annotated[BasicAuth | None, Whose.SECRET] = None
    headers: Annotated[Annotated[Headers, Field(max_length=MOST_HEADERS)] | None, Whose.SECRET] = None

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str] | None) -> dict[str, str] | None:
        check_headers(headers or {}, ours=_OURS)
        return headers

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        logins = [
            self.token,
            self.basic_auth,
            *(name for name in self.headers or {} if name.lower() == "authorization"),
        ]
        if sum(login is not None for login in logins) > 1:
            raise ValueError("must have one of token, basic_auth and the header authorization")
        return self

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

    def read_login(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """The headers to send with every request, and what of them must be shown to nobody.

        Raises:
            InvalidInput: a variable is not set, or holds what cannot be sent.
        """
        given = self.headers or {}
        headers = read_headers(given, f"{self.section}.headers")
        secrets = [value for name, value in headers.items() if variable_named(given[name])]
        if (token := self.read_token()) is not None:
            headers["Authorization"] = f"Bearer {token}"
            secrets.append(token)
        if self.basic_auth is not None:
            field = f"{self.section}.basic_auth"
            user = from_environment(self.basic_auth.user, f"{field}.user")
            password = from_environment(self.basic_auth.password, f"{field}.password")
            if ":" in user:
                raise InvalidInput(f"{field}.user", "must have no colon")
            encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
            secrets += [password, encoded]
        return headers, tuple(secrets)
