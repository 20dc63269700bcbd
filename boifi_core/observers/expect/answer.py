"""One answer as it came, and its body as JSON where it is any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from boifi_core.wire import bounded_json

LARGEST = 1_000_000
"""Bytes of a body that are looked at; of a larger one nothing is known but its size."""

MOST_VALUES = 100_000
"""About so many values of JSON are looked at: a path takes some 10 us for each."""

NO_JSON = object()
"""Stands for the value of a body that is not JSON, or too large."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        headers: by name in lower case.
        body: its first `LARGEST` bytes.
        size: bytes of the whole body.
        latency_ms: until all of it was in.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int
    latency_ms: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether all of its body was kept."""
        return self.size <= len(self.body)

    @cached_property
    def has_too_many_values(self) -> bool:
        """Whether it has more values than are looked at, counted on its commas and brackets."""
        return sum(map(self.body.count, (b",", b"{", b"["))) > MOST_VALUES

    @cached_property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The value that the body spells, or `NO_JSON`."""
        try:
            return bounded_json.loads(self.body) if self.is_whole and not self.has_too_many_values else NO_JSON
        except ValueError:
            return NO_JSON
