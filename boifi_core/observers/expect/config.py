"""What a session file says of answers: `expect`."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from boifi_core.observers.expect.statement import HeaderStatement, JsonStatement, TextStatement
from boifi_core.value import Value, Whose
from boifi_core.wire.endpoint import FileThere

_MOST = 50

_Status = Annotated[int, Field(ge=100, le=599)]


def _as_statements(data: Any) -> Any:
    """One text is what must be found in the body; a list may have texts and statements."""
    if isinstance(data, str):
        data = [data]
    if not isinstance(data, (list, tuple)):
        return data
    return [{"operator": "matches", "value": each} if isinstance(each, str) else each for each in data]


def _left_out(value: Any) -> bool:
    return not value and value != 0


with warnings.catch_warnings():
    # pydantic has a method `json` of old, which nobody calls; the key is named for its users.
    warnings.filterwarnings("ignore", message='Field name "json"')

    class Expect(Value):
        """What an answer must be like; one that is not has failed, whatever its status.

        `status` are those that are good, instead of all below 400. `headers`, `json` and `text` are statements that
        must all hold; a text alone is a regular expression that the body must match somewhere. `schema_file` is a JSON
        Schema that the body must keep to, `max_bytes` its size at most, `max_ms` the latency at most. With `learn` an
        answer must also be like the fault-free ones of the session's start, in all that was the same of these.
        """

        status: tuple[_Status, ...] = Field(default=(), max_length=_MOST, exclude_if=_left_out)
        headers: tuple[HeaderStatement, ...] = Field(default=(), max_length=_MOST, exclude_if=_left_out)
        json: tuple[JsonStatement, ...] = Field(  # type: ignore[assignment]
            default=(), max_length=_MOST, exclude_if=_left_out
        )
        text: Annotated[tuple[TextStatement, ...], BeforeValidator(_as_statements)] = Field(
            default=(), max_length=_MOST, exclude_if=_left_out
        )
        schema_file: Annotated[FileThere | None, Whose.OPERATOR] = Field(default=None, exclude_if=_left_out)
        max_bytes: int | None = Field(default=None, ge=0, le=1_000_000_000, exclude_if=_left_out)
        max_ms: float | None = Field(default=None, gt=0, le=3_600_000, exclude_if=_left_out)
        learn: bool = Field(default=False, exclude_if=lambda learn: not learn)


LEARNT = "learnt"
"""Short for `{learn: true}`."""


def _in_long(data: Any) -> Any:
    return {"learn": True} if data == LEARNT else data


AnyExpect = Annotated[Expect, BeforeValidator(_in_long)]
"""What a session file says under `expect`."""
