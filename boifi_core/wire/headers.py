"""Request headers as a person writes them: sound, and secret ones by the name of a variable."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import Field

from boifi_core.value import complaint
from boifi_core.wire.environment import from_environment, variable_named

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")

_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})

Headers = dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=8_192)]]

MOST_HEADERS = 100


def check_headers(headers: Mapping[str, str], ours: Collection[str] = ()) -> None:
    """Return if these can be sent.

    Args:
        ours: names in small letters that are set by whoever sends them.

    Raises:
        ValidationError: one of them cannot, or is a secret that stands there itself.
    """
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise complaint("must have a valid name and a printable ASCII value", value, name)
        if name.lower() in _FRAMING or name.lower() in ours:
            raise complaint("is set by BOIFI itself", value, name)
        if name.lower() in _SECRET and variable_named(value) is None:
            # Without the value, which is a secret.
            raise complaint("must be ${NAME}, so that it stands in no file", {}, name)


def read_headers(headers: Mapping[str, str], field: str) -> dict[str, str]:
    """The headers themselves; a value `${NAME}` is taken from the environment.

    Raises:
        InvalidInput: a variable is not set.
    """
    return {name: from_environment(value, f"{field}.{name}") for name, value in headers.items()}
