"""JSON calls to one server: bounded in time and size, and every failure an `ExecutorError`."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from boifi_core.errors import (
    ExecutorBadAnswer,
    ExecutorError,
    ExecutorRejected,
    ExecutorTimedOut,
    ExecutorUnreachable,
)
from boifi_core.wire import bounded_json
from boifi_core.wire.client import new_client
from boifi_core.wire.endpoint import EndpointConfig
from boifi_core.wire.loop import LoopThread

MAX_BODY_BYTES = bounded_json.MAX_BYTES
_MAX_REASON_CHARACTERS = 300
_CONNECTIONS = 4
_SAID_BY = ("error", "errors", "message", "msg")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was not an error.

    Attributes:
        status: 2xx, or one that the caller said it expects.
        body: at most `MAX_BODY_BYTES`.
        server_time: its `Date` header; None without a readable one.
        sent_at, received_at: this machine's clock around the call.
        what: the call, for messages: `GET http://…`.
    """

    status: int
    body: bytes
    server_time: datetime | None
    sent_at: datetime
    received_at: datetime
    what: str

    def said(self) -> str:
        """What the server says of an error in its own words, in JSON or plain text; empty for a web page."""
        try:
            return _said(bounded_json.loads(self.body))
        except ValueError:
            text = self.body.decode("utf-8", "replace").strip()
            return "" if text.startswith("<") else text

    def value(self) -> Any:
        """The JSON value in the body.

        Raises:
            ExecutorBadAnswer: there is none, or more of it than is read.
        """
        try:
            return bounded_json.loads(self.body)
        except bounded_json.TooLarge as error:
            raise ExecutorBadAnswer(f"{self.what}: answered {self.status} with JSON that {error}") from None
        except ValueError:
            raise ExecutorBadAnswer(f"{self.what}: answered {self.status} with what is no JSON") from None

    def data(self) -> dict[str, Any]:
        """The JSON object in the body.

        Raises:
            ExecutorBadAnswer: there is none, or more of it than is read.
        """
        data = self.value()
        if not isinstance(data, dict):
            raise ExecutorBadAnswer(f"{self.what}: answered {self.status} with JSON that is no object")
        return data


def _said(value: Any, depth: int = 3) -> str:
    """The first text under the names that servers say their errors by."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        inner = [value.get(name) for name in _SAID_BY]
    else:
        inner = value[:1] if isinstance(value, list) else []
    return next(filter(None, (_said(each, depth - 1) for each in inner)), "") if depth else ""


class Wire:
    """Calls to `config.endpoint`; one attempt each.

    Raises:
        InvalidInput: a login, a header or a certificate cannot be used.
    """

    def __init__(self, config: EndpointConfig) -> None:
        self._config = config
        login, self._secrets = config.read_login()
        self._client = new_client(
            [config.endpoint],
            connections=_CONNECTIONS,
            headers={"Accept": "application/json", **login},
            trust=config,
            section=config.section,
        )
        self._loop = LoopThread(config.section)

    def call(
        self, method: str, path: str, *, timeout_s: float, body: Any = None, expected: tuple[int, ...] = ()
    ) -> Answer:
        """One request and its whole answer, within `timeout_s`.

        Args:
            method, path: `POST`, `/v1/policies`.
            timeout_s: for all of it, seconds.
            body: sent as JSON if not None.
            expected: statuses besides 2xx that are no error to the caller.

        Raises:
            ExecutorUnreachable: no connection, a cut one, 5xx or 429.
            ExecutorTimedOut: not whole in time.
            ExecutorRejected: any other status; the message has the server's own reason.
            ExecutorBadAnswer: no HTTP, or too large.
        """
        what = f"{method} {self._config.endpoint}{path}"
        started = time.monotonic()
        try:
            answer = self._loop.run(self._exchange, method, what, body, timeout_s)
        except ExecutorError:
            raise
        except (TimeoutError, httpx.TimeoutException) as error:
            step = "connection" if isinstance(error, httpx.ConnectTimeout) else "answer"
            raise ExecutorTimedOut(f"{what}: no {step} within {time.monotonic() - started:.1f} s") from None
        except (httpx.RemoteProtocolError, httpx.DecodingError) as error:
            raise _protocol_error(what, error) from None
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            raise ExecutorUnreachable(f"{what}: {self._readable(str(error)) or type(error).__name__}") from None
        if 200 <= answer.status < 300 or answer.status in expected:
            return answer
        raise self._refusal(answer)

    def close(self) -> None:
        """Give back connections and the thread; closing again is harmless."""
        if not self._loop.closed:
            self._loop.run(self._client.aclose)
        self._loop.close()

    async def _exchange(self, method: str, what: str, body: Any, timeout_s: float) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        limits = httpx.Timeout(self._config.timeout_s, connect=self._config.connect_timeout_s)
        headers = {} if body is None else {"Content-Type": "application/json"}
        async with asyncio.timeout(timeout_s):
            sent_at = datetime.now(UTC)
            url = what.partition(" ")[2]
            async with self._client.stream(method, url, content=content, headers=headers, timeout=limits) as response:
                received_at = datetime.now(UTC)
                raw = await _limited_body(response, what)
        return Answer(response.status_code, raw, _date(response), sent_at, received_at, what)

    def _refusal(self, answer: Answer) -> ExecutorError:
        kind = ExecutorUnreachable if answer.status >= 500 or answer.status == 429 else ExecutorRejected
        said = self._readable(answer.said())
        text = f": {said}" if said else ""
        if 300 <= answer.status < 400:
            text = ": redirects are not followed"
        return kind(f"{answer.what}: answered {answer.status}{text}")

    def _readable(self, text: str) -> str:
        """One printable line without our secrets, which a server may quote."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        line = "".join(character if character.isprintable() else " " for character in text)
        return " ".join(line.split())[:_MAX_REASON_CHARACTERS]


async def _limited_body(response: httpx.Response, what: str) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ExecutorBadAnswer(f"{what}: answered compressed, which was not asked for")
    announced = response.headers.get("Content-Length", "")
    body = bytearray()
    if not (announced.isdecimal() and int(announced) > MAX_BODY_BYTES):
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                break
        else:
            return bytes(body)
    raise ExecutorBadAnswer(f"{what}: answered more than {MAX_BODY_BYTES} bytes")


def _protocol_error(what: str, error: httpx.HTTPError) -> ExecutorError:
    text = str(error)
    if "disconnected" in text or "closed connection" in text:
        return ExecutorUnreachable(f"{what}: the connection was cut before the answer was whole")
    return ExecutorBadAnswer(f"{what}: answered what is no HTTP")


def _date(response: httpx.Response) -> datetime | None:
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
