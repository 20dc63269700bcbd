"""A tracing backend is asked, by the version of its API that it has."""

from __future__ import annotations

import re
import time
from typing import Any

from boifi_core.errors import ExecutorBadAnswer, ExecutorError, ExecutorRejected
from boifi_core.observers.trace_sources.config import BackendConfig
from boifi_core.observers.trace_sources.dialect import MAX_FOUND, Api, Dialect, Found
from boifi_core.traces.record import Record
from boifi_core.wire import bounded_json
from boifi_core.wire.http import Answer, Wire

_LIMIT = re.compile(r"limit|search depth|max traces", re.IGNORECASE)
"""A refusal that says so is of how many traces were asked for."""

_NO_REFUSAL = tuple(status for status in range(300, 500) if status not in (401, 403, 429))

_SHORTEST_S = 0.05

_WORDS = 80
"""Characters of a server's own words that are shown where these are not what was looked for."""


class Asker:
    """Asks one backend; every failure is an `ExecutorError`.

    Args:
        config: where it is.
        dialect: its API.

    Raises:
        InvalidInput: the token's variable is not set, or `ca_file` holds no certificates.
    """

    def __init__(self, config: BackendConfig, dialect: Dialect) -> None:
        self._config = config
        self._dialect = dialect
        self._wire = Wire(config)
        self._known: Api | None = None
        self._limit = MAX_FOUND

    @property
    def api(self) -> str | None:
        """The version of the API that it has: `Jaeger's /api/v3`; None before it was asked."""
        return None if self._known is None else f"{self._dialect.server}'s {self._known.name}"

    def trace(self, trace_id: str, deadline: float) -> list[Record]:
        """The spans of a trace, none if it is not there."""
        api = self.find_api(deadline)
        try:
            answer = self._get(api.path(trace_id), deadline, expected=(404,))
        except ExecutorError as error:
            if "not found" in _answered(error):  # some older ones have no 404 for it
                return []
            raise
        if answer.status == 404:
            return []
        return [record for each in _values(answer) for record in api.records(each) if record.id is not None]

    def search(self, from_ns: int, to_ns: int, deadline: float) -> list[Found]:
        """The traces of the config's service within these times, nanoseconds since the epoch."""
        api = self.find_api(deadline)
        while True:
            path = api.search(self._config.service or "", from_ns, to_ns, self._limit)
            try:
                answer = self._get(path, deadline, expected=(404,))
            except ExecutorError as error:
                if self._limit == 1 or not _LIMIT.search(_answered(error)):
                    raise
                self._limit //= 2
            else:
                return [] if answer.status == 404 else [each for value in _values(answer) for each in api.found(value)]

    def close(self) -> None:
        """Give back connections; closing again is harmless."""
        self._wire.close()

    def find_api(self, deadline: float) -> Api:
        """The version of the API that it has, which is found out once."""
        if self._known is None:
            self._known = self._found_out(deadline)
        return self._known

    def _found_out(self, deadline: float) -> Api:
        said: list[str] = []

        def get(path: str) -> Answer:
            answer = self._get(path, deadline, expected=_NO_REFUSAL)
            said.append(_shown(path, answer))
            return answer

        for api in self._dialect.apis:
            try:
                if api.is_here(get):
                    return api
            except ExecutorBadAnswer as error:
                said.append(str(error))
        raise ExecutorRejected(f"{self._config.endpoint}: this is no {self._dialect.server}'s query API: {said[0]}")

    def _get(self, path: str, deadline: float, *, expected: tuple[int, ...]) -> Answer:
        timeout_s = max(_SHORTEST_S, min(self._config.timeout_s, deadline - time.monotonic()))
        return self._wire.call("GET", path, timeout_s=timeout_s, expected=expected)


def _answered(error: ExecutorError) -> str:
    """The status of an error's answer and the server's own words; empty where there was no answer."""
    return str(error).partition(": answered ")[2]


def _shown(path: str, answer: Answer) -> str:
    said = " ".join(answer.said().split())[:_WORDS]
    is_page = answer.body.lstrip()[:1] == b"<"
    what = "a web page" if is_page else f"“{said}”" if said and answer.status != 200 else "something else"
    return f"it answers {path} with {answer.status} and {what}"


def _values(answer: Answer) -> list[Any]:
    """The JSON value in the body, or those in its lines, as some answer in parts."""
    try:
        return [answer.value()]
    except ExecutorBadAnswer:
        lines = answer.body.split(b"\n")
        if not answer.body.startswith(b"{") or len(lines) < 2:
            raise
        try:
            return [bounded_json.loads(line) for line in lines if line.strip()]
        except ValueError:
            pass
        raise
