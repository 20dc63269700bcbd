"""Texts that may name a variable of the environment: `${NAME}`."""

from __future__ import annotations

import os
import re

from boifi_core.errors import InvalidInput

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


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
