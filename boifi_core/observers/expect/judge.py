"""Whether an answer is as it must be, and which of the expectations it breaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

from boifi_core.observers.expect.answer import LARGEST, MOST_VALUES, NO_JSON, Answer
from boifi_core.observers.expect.config import Expect
from boifi_core.observers.expect.path import values_at
from boifi_core.observers.expect.schema import Schema
from boifi_core.observers.expect.statement import JsonStatement

MOST_BROKEN = 5
"""Of one answer, at most so many broken expectations are told."""


class Judge:
    """What was said that answers to one kind of request must be like.

    Args:
        field: where the user said it.

    Raises:
        InvalidInput: the file with the schema cannot be read.
    """

    def __init__(self, expect: Expect, field: str) -> None:
        self._expect = expect
        file = expect.schema_file
        self._schema = None if file is None else Schema(file, f"{field}.schema_file")
        self.wants_body = bool(expect.json or expect.text or self._schema or expect.learn)

    def is_good(self, status: int) -> bool:
        """Whether an answer with this status can be what it must be, or at least no failure by its status."""
        return status < 400 or status in self._expect.status

    def broken(self, answer: Answer, until: float) -> tuple[str, ...]:
        """Those of the expectations, in words, that an answer of a good status breaks, in the order of the keys.

        Args:
            until: when looking must end, of `time.monotonic`.

        Raises:
            TimeoutError: it would take longer.
        """
        return tuple(islice(self._broken(answer, until), MOST_BROKEN))

    def _broken(self, answer: Answer, until: float) -> Iterator[str]:
        expect = self._expect
        if expect.status and answer.status not in expect.status:
            yield f"status {' or '.join(map(str, expect.status))}"
        for header in expect.headers:
            value = answer.headers.get(header.field.lower())
            if value is None or not header.holds(value):
                yield str(header)
        if expect.max_bytes is not None and answer.size > expect.max_bytes:
            yield f"at most {expect.max_bytes} bytes"
        if expect.max_ms is not None and answer.latency_ms > expect.max_ms:
            yield f"at most {expect.max_ms:g} ms"
        yield from self._of_body(answer, until)

    def _of_body(self, answer: Answer, until: float) -> Iterator[str]:
        expect = self._expect
        if not answer.is_whole and (expect.json or expect.text or self._schema):
            yield f"at most {LARGEST} bytes, as more are not looked at"
            return
        yield from (str(statement) for statement in expect.text if not statement.holds(answer.text))
        if not expect.json and self._schema is None:
            return
        if answer.json is NO_JSON:
            yield (
                f"at most {MOST_VALUES} values, as more are not looked at" if answer.has_too_many_values else "is JSON"
            )
            return
        for statement in expect.json:
            if time.monotonic() > until:
                raise TimeoutError
            if not _holds(statement, answer):
                yield str(statement)
        if self._schema is not None and (problem := self._schema.problem(answer.json)):
            yield f"schema: {problem}"


def _holds(statement: JsonStatement, answer: Answer) -> bool:
    found = values_at(statement.field, answer.json)
    others = [] if statement.other is None else values_at(statement.other, answer.json)[:1]
    return bool(found) and all(statement.holds_of(each, others) for each in found)
