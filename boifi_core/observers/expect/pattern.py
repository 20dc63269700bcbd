"""Regular expressions that end: each takes time in proportion to the text, whatever it is."""

from __future__ import annotations

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

LONGEST = 500
"""Characters of a regular expression."""


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> SchemaValidator:
    # pydantic's own are those of Rust's crate `regex`: finite automata, without going back, and of bounded size.
    return SchemaValidator(core_schema.str_schema(pattern=pattern))


def check_pattern(pattern: str) -> None:
    """Raise ValueError, with the rule that is broken, if this is no regular expression."""
    if len(pattern) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    try:
        _compiled(pattern)
    except SchemaError as error:
        said = str(error).strip().splitlines()[-1].strip().removeprefix("error: ").removeprefix("SchemaError: ")
        raise ValueError(f"must be a regular expression ({said.rstrip('.')})") from None


def found_in(text: str, pattern: str) -> bool:
    """Whether the text has a part that a pattern which passed `check_pattern` describes."""
    return _compiled(pattern).isinstance_python(text)
