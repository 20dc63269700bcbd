"""JSONPath (RFC 9535) within bounds: no query takes more than a few looks at each value of a document."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonpath import JSONPath, JSONPathEnvironment

LONGEST = 300
"""Characters of a path."""

_MOST_DESCENTS = 1
_MOST_NODES = 10_000


@lru_cache(maxsize=1)
def _environment() -> JSONPathEnvironment:
    from jsonpath import JSONPathEnvironment  # 0.1 s, which only those pay who have a path

    environment = JSONPathEnvironment(strict=True)
    for name in ("match", "search"):  # their regular expressions may take for ever
        del environment.function_extensions[name]
    return environment


@lru_cache(maxsize=1_000)
def _compiled(path: str) -> JSONPath:
    from jsonpath import JSONPath
    from jsonpath.exceptions import JSONPathError

    try:
        compiled = _environment().compile(path)
    except (JSONPathError, RecursionError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise ValueError(f"must be a JSONPath, as $.total ({said})") from None
    assert isinstance(compiled, JSONPath)  # several in one are no part of the standard
    return compiled


def check_path(path: str) -> None:
    """Raise ValueError, with the rule that is broken, if this is no path that is answered within bounds."""
    if len(path) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    segments = _compiled(path).segments
    if any(len(segment.selectors) > 1 for segment in segments):
        raise ValueError("must select by one name, number or filter at a time")
    if path.count("..") > _MOST_DESCENTS or path.count("?") > 1 or path.count("$") > 1:
        raise ValueError("must have at most one .., one filter, and no $ but the first")


def values_at(path: str, document: Any) -> list[Any]:
    """The values at a path that passed `check_path`, the first 10,000; none where it is nested too deep."""
    from jsonpath.exceptions import JSONPathError

    found: Iterator[Any] = (match.obj for match in _compiled(path).finditer(document))
    try:
        return list(islice(found, _MOST_NODES))
    except (JSONPathError, RecursionError):
        return []
