"""Traces of any known format, told apart by their shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from boifi_core.traces import jaeger, otlp, plan, zipkin
from boifi_core.traces.record import Record
from boifi_core.traces.span import Span
from boifi_core.traces.tidy import tidy
from boifi_core.wire import bounded_json

MAX_LINES = 10_000
"""Most lines with a JSON value each."""


@dataclass(frozen=True)
class Format:
    """What tells a format, and what reads it.

    Attributes:
        matches: whether a JSON value has its shape.
        spans: the spans of values that have.
    """

    matches: Callable[[Any], bool]
    spans: Callable[[Sequence[Any]], list[Span]]


def _tidied(records: Callable[[Any], Iterator[Record]]) -> Callable[[Sequence[Any]], list[Span]]:
    """The spans of all values in order, from the records of each."""
    return lambda documents: tidy(record for document in documents for record in records(document))


FORMATS: dict[str, Format] = {
    "a span list": Format(plan.matches, plan.spans),
    "OTLP": Format(otlp.matches, _tidied(otlp.records)),
    "Jaeger": Format(jaeger.matches, _tidied(jaeger.records)),
    "Zipkin": Format(zipkin.matches, _tidied(zipkin.records)),
}
"""Formats by name; no JSON value matches two."""


def parse_trace(text: str) -> list[Span]:
    """The spans of a trace in any of the `FORMATS`; a field that cannot be used is left empty.

    The plan's span list keeps its ids and its order; of the others see `tidy`. OTLP may be one value on each line.

    Raises:
        ValueError: no JSON, no format that is known, or too large; one line, which begins with `trace must`.
    """
    try:
        return spans_of(documents_in(text))
    except ValueError as error:
        raise ValueError(f"trace {error}") from None


def spans_of(documents: Sequence[Any]) -> list[Span]:
    """The spans of JSON values of one format.

    Raises:
        ValueError: no format that is known, or more than `MAX_SPANS` spans; begins with `must`.
    """
    return format_of(documents).spans(documents)


def format_of(documents: Sequence[Any]) -> Format:
    """The format that all of these JSON values have.

    Raises:
        ValueError: there is none; begins with `must`.
    """
    for each in FORMATS.values():
        if documents and all(each.matches(document) for document in documents):
            return each
    raise ValueError(f"must be {', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}, got {_shape(documents)}")


def documents_in(text: str) -> list[Any]:
    """The JSON values in the text: one, or one on each line.

    Raises:
        ValueError: no JSON, or too large; begins with `must`.
    """
    try:
        return [bounded_json.loads(text)]
    except ValueError as error:
        if "Extra data" not in str(error) or not 0 < text.count("\n") < MAX_LINES:
            raise
    return [bounded_json.loads(line) for line in text.split("\n") if line.strip()]


def _shape(documents: Sequence[Any]) -> str:
    document = documents[0] if documents else None
    if isinstance(document, dict):
        names = ", ".join(ascii(name)[:30] for name in list(document)[:5])
        return f"an object of {names}" if names else "an empty object"
    if isinstance(document, list):
        return "a list of something else" if document else "an empty list"
    return ascii(document)[:30]
