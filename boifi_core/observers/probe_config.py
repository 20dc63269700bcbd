"""What the probe drives, and how fast."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    field_validator,
)

from boifi_core.observers.base import ObserverConfig
from boifi_core.observers.expect.config import AnyExpect, Expect
from boifi_core.observers.trace_sources.table import AnyTracesConfig
from boifi_core.value import Value, Whose
from boifi_core.wire.endpoint import LONGEST_URL, Trust, parse_http_url
from boifi_core.wire.headers import MOST_HEADERS, Headers, check_headers, read_headers

_LARGEST_BODY = 100_000
"""Characters, as it is sent."""


def _not_too_large(body: JsonValue) -> JsonValue:
    if len(body if isinstance(body, str) else json.dumps(body)) > _LARGEST_BODY:
        raise ValueError(f"must have at most {_LARGEST_BODY} characters")
    return body


class RequestConfig(Value):
    """One request that the probe sends; `weight` is its share against the others.

    `body` is sent as it is if it is text, else as JSON. `name` is its kind in the observation, by default method and
    path. `expect` is what its answers must be like, by default the session's.
    """

    method: str = Field(default="GET", max_length=20)
    url: str = Field(max_length=LONGEST_URL)
    headers: Annotated[Headers, Whose.SECRET] = Field(default_factory=dict, max_length=MOST_HEADERS)
    body: Annotated[JsonValue, AfterValidator(_not_too_large)] = None
    weight: float = Field(default=1.0, gt=0, le=1_000_000_000)
    name: str | None = Field(default=None, min_length=1, max_length=200)
    expect: AnyExpect | None = Field(default=None, exclude_if=lambda expect: expect is None)

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
        check_headers(headers, ours=("traceparent",))
        return headers

    def read_headers(self) -> dict[str, str]:
        """The headers themselves; a value `${NAME}` is taken from the environment.

        Raises:
            InvalidInput: a variable is not set.
        """
        return read_headers(self.headers, "observer.requests.headers")

    def connects_to(self) -> Iterable[tuple[str, str]]:
        """All that it connects to: field, and URL."""
        return (("url", self.url),)

    @property
    def path(self) -> str:
        """What is asked for, without the query."""
        return urlsplit(self.url).path or "/"

    @property
    def kind(self) -> str:
        """What requests of this sort are called in the observation."""
        return self.name or f"{self.method} {self.path}"


class ProbeConfig(ObserverConfig, Trust):
    """What the probe drives: `count` requests a window, `concurrency` at a time, each given up after `timeout_s`."""

    type: Literal["probe"] = "probe"
    requests: tuple[RequestConfig, ...] = Field(min_length=1, max_length=200)
    count: int = Field(default=30, ge=1, le=100_000)
    concurrency: int = Field(default=5, ge=1, le=1_000)
    timeout_s: float = Field(default=5.0, gt=0, le=3_600)
    traces: AnyTracesConfig | None = None

    def connects_to(self) -> Iterable[tuple[str, str]]:
        """See `ObserverConfig`."""
        yield from ((f"requests[{number}].url", request.url) for number, request in enumerate(self.requests))
        yield from ((f"traces.{field}", url) for field, url in (self.traces.connects_to() if self.traces else ()))

    def expecting(self, expect: Expect) -> ProbeConfig:
        """See `ObserverConfig`."""
        own = [each if each.expect else each.model_copy(update={"expect": expect}) for each in self.requests]
        return self.model_copy(update={"requests": tuple(own)})
