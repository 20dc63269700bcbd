"""What a session file says under `executor` and `observer`, checked."""

from __future__ import annotations

import os
import re
from typing import Any, ClassVar, Literal, Self, cast
from urllib.parse import SplitResult, urlsplit

import httpx
from pydantic import (
    ConfigDict,
    Field,
    FilePath,
    JsonValue,
    ModelWrapValidatorHandler,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

from boifi_core.errors import InvalidInput
from boifi_core.value import Value

_MASK = "**********"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TOKEN_CHARACTERS = re.compile(r"[\x21-\x7e]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_OUR_HEADERS = frozenset({"traceparent", "content-length", "transfer-encoding", "connection"})


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
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\\]", url):
        raise ValueError("must be an http:// or https:// URL with a host")
    if parts.port == 0:  # reading the port also refuses one above 65535
        raise ValueError("port must be 1..65535")
    if "@" in parts.netloc:
        raise ValueError("must not carry credentials")
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("must be a valid URL") from None
    return parts


class EndpointConfig(Value):
    """How to reach something that answers HTTP; whose it is says `section`, which errors name.

    `timeout_s` bounds the wait for each read, `connect_timeout_s` the making of a connection; calls as a whole have
    limits of their own. `token` is sent as bearer authorization: literal, or `${NAME}` to take it from the environment
    when it is needed; a literal one is masked wherever the config is written. `ca_file` is a PEM file of the
    authorities to trust instead of the usual ones.
    """

    section: ClassVar[str]

    endpoint: str
    timeout_s: float = Field(default=30.0, gt=0)
    connect_timeout_s: float = Field(default=5.0, gt=0)
    token: SecretStr | None = None
    ca_file: FilePath | None = None

    @field_validator("endpoint")
    @classmethod
    def _base_url(cls, endpoint: str) -> str:
        parts = parse_http_url(endpoint)
        if parts.query or parts.fragment or "?" in endpoint or "#" in endpoint:
            raise ValueError("must have no query and no fragment")
        return endpoint.rstrip("/")

    @field_serializer("token")
    def _written(self, token: SecretStr | None) -> str | None:
        if token is None:
            return None
        text = token.get_secret_value()
        return text if variable_named(text) else _MASK

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


class ExecutorConfig(EndpointConfig):
    """How to reach the injector; an injector that needs more has a subclass of this in its table entry."""

    model_config = ConfigDict(polymorphic_serialization=True)
    section: ClassVar[str] = "executor"

    type: str = "hfi"

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_kind(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if cls is ExecutorConfig and isinstance(data, dict):
            from boifi_core.executors import INJECTORS

            kind = INJECTORS.get(str(data.get("type", "hfi")))
            if kind is not None and kind.config is not cls:
                return cast(Self, kind.config.model_validate(data))
        return handler(data)

    @field_validator("type")
    @classmethod
    def _known(cls, name: str) -> str:
        from boifi_core.executors import INJECTORS

        return _one_of(name, INJECTORS)


class ObserverConfig(Value):
    """Which observer brings the observations; each kind has a subclass with its own fields in its table entry."""

    model_config = ConfigDict(polymorphic_serialization=True)

    type: str

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_kind(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if cls is ObserverConfig and isinstance(data, dict):
            from boifi_core.executors import OBSERVERS

            kind = OBSERVERS.get(str(data.get("type")))
            if kind is not None and kind.config is not cls:
                return cast(Self, kind.config.model_validate(data))
        return handler(data)

    @field_validator("type")
    @classmethod
    def _known(cls, name: str) -> str:
        from boifi_core.executors import OBSERVERS

        return _one_of(name, OBSERVERS)


class RequestConfig(Value):
    """One request that the probe sends; `weight` is its share against the others.

    `body` is sent as it is if it is text, else as JSON. `name` is its kind in the observation, by default method and
    path.
    """

    method: str = "GET"
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonValue = None
    weight: float = Field(default=1.0, gt=0)
    name: str | None = Field(default=None, min_length=1, max_length=200)

    @field_validator("method")
    @classmethod
    def _upper_case(cls, method: str) -> str:
        if not re.fullmatch(r"[A-Za-z]{1,20}", method):
            raise ValueError("must be an HTTP method")
        return method.upper()

    @field_validator("url")
    @classmethod
    def _http_url(cls, url: str) -> str:
        parse_http_url(url)
        return url

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"header {name!r} must have a valid name and a printable ASCII value")
            if name.lower() in _OUR_HEADERS:
                raise ValueError(f"header {name!r} is set by the probe itself")
            if name.lower() in _SECRET_HEADERS and variable_named(value) is None:
                raise InvalidInput(f"observer.requests.headers.{name}", "must be ${NAME}, so that it stands in no file")
        return headers

    def read_headers(self) -> dict[str, str]:
        """The headers themselves; a value `${NAME}` is taken from the environment.

        Raises:
            InvalidInput: a variable is not set.
        """
        return {
            name: from_environment(value, f"observer.requests.headers.{name}") for name, value in self.headers.items()
        }

    @property
    def path(self) -> str:
        """What is asked for, without the query."""
        return urlsplit(self.url).path or "/"

    @property
    def kind(self) -> str:
        """What requests of this sort are called in the observation."""
        return self.name or f"{self.method} {self.path}"


class TracesConfig(Value):
    """Where the probe's traces come from; each kind of source has a subclass with its own fields in its table entry."""

    model_config = ConfigDict(polymorphic_serialization=True)

    type: str = "otlp"

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_kind(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if cls is TracesConfig and isinstance(data, dict):
            from boifi_core.executors.sources import SOURCES

            source = SOURCES.get(str(data.get("type", "otlp")))
            if source is not None:
                return cast(Self, source.config.model_validate(data))
        return handler(data)

    @field_validator("type")
    @classmethod
    def _known(cls, name: str) -> str:
        from boifi_core.executors.sources import SOURCES

        return _one_of(name, SOURCES)


class ReceiverConfig(TracesConfig):
    """Spans arrive as OTLP over HTTP at `/v1/traces` of this address; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = Field(default=4318, ge=0, le=65535)


class BackendConfig(EndpointConfig, TracesConfig):
    """Traces are fetched from a tracing backend.

    `wait_s` is the longest wait for an observation's traces, `quiet_s` how long no span may have come to a trace that
    is taken for complete. `service` is for a mesh that gives its requests trace ids of its own: the trace is then
    looked for among those of this service, its entry, by time.
    """

    section: ClassVar[str] = "observer.traces"

    timeout_s: float = Field(default=5.0, gt=0)
    wait_s: float = Field(default=15.0, gt=0)
    quiet_s: float = Field(default=2.0, ge=0)
    service: str | None = Field(default=None, min_length=1, max_length=200)


class ProbeConfig(ObserverConfig):
    """What the probe drives: `count` requests a window, `concurrency` at a time, each given up after `timeout_s`."""

    type: Literal["probe"] = "probe"
    requests: tuple[RequestConfig, ...] = Field(min_length=1, max_length=200)
    count: int = Field(default=30, ge=1, le=100_000)
    concurrency: int = Field(default=5, ge=1, le=1_000)
    timeout_s: float = Field(default=5.0, gt=0)
    traces: TracesConfig | None = None


def _one_of(name: str, table: dict[str, Any]) -> str:
    if name not in table:
        raise ValueError(f"must be one of {', '.join(sorted(table))}")
    return name
