"""What went wrong, in words for whoever runs sessions; a programmer's words go to the log."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, ParamSpec

import httpx
from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.states import Failed

from boifi_core.errors import BoifiError

P = ParamSpec("P")

_ENDED_BY = (
    ("aborted by an interrupt signal", "it was interrupted"),
    ("aborted by a termination signal", "it was told to end, by SIGTERM"),
    ("aborted by Python system exit", "its process ended by itself"),
    ("cancelled by the runtime environment", "it was broken off"),
    ("contact the server", "Prefect's API did not answer"),
    ("Request to ", "Prefect's API did not answer"),
)
"""What Prefect says of a run that did not come to its end, by what stands in its message."""

_RAISED = re.compile(
    r"(Flow run encountered an exception|Task run encountered an exception|Execution was interrupted by an unexpected "
    r"exception):?\s*(?P<error>.*)",
    re.DOTALL,
)
_STATUS = re.compile(r"exited with non-zero status code:? (?P<status>-?\d+)")


def in_words(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, BoifiError):
        return str(error)
    if isinstance(error, (httpx.HTTPError, PrefectException)):
        return f"Prefect's API did not do what was asked: {_one_line(str(error)) or type(error).__name__}"
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error or type(error).__name__}"
    return _own_mistake(f"{type(error).__name__}: {error}")


def message_in_words(message: str | None) -> str:
    """What Prefect says of a run's state, in one line; what is BOIFI's own stays as it is."""
    text = message or ""
    if raised := _RAISED.match(text):
        lines = [line for line in raised["error"].splitlines() if line.strip()]
        return _own_mistake(lines[-1] if lines else "unknown")
    if ended := _STATUS.search(text):
        return f"its process ended with status {ended['status']}"
    return next((words for part, words in _ENDED_BY if part in text), text)


def told_in_words(body: Callable[P, State[Any]]) -> Callable[P, State[Any]]:
    """A flow's function whose errors end it FAILED, with words for its message."""

    @functools.wraps(body)
    def run(*arguments: P.args, **named: P.kwargs) -> State[Any]:
        try:
            return body(*arguments, **named)
        except BoifiError as error:
            return Failed(message=in_words(error))
        except Exception as error:
            get_run_logger().exception("%s", in_words(error))
            return Failed(message=in_words(error))

    return run


def _own_mistake(text: str) -> str:
    return f"a mistake of BOIFI's own, {_one_line(text)}; the log says where"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
