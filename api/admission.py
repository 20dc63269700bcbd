"""What every request passes: who it is from, how much it may ask for, how long it may take, what is logged of it."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine, Iterable
from http import HTTPStatus
from typing import Any

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import OPEN, Authenticator, Caller, Unavailable, Unknown
from api.errors import ApiError
from api.logs import request_log
from api.metrics import Metrics
from api.proxies import peer_of
from api.settings import Settings

_log = logging.getLogger("boifi.api")

Header = tuple[bytes, bytes]

CLOCK_SET_S = 5.0
"""By more than this the time of day does not move against the time that passes, unless somebody sets it; seconds."""

CREATING = re.compile(r"/v1/optimization/sessions(/validate|/[^/]+/resume)?")
"""The paths whose POST counts for `create_limit`."""

CLIENT_LEFT = 499
"""The status that the log and the metrics have for a request whose caller left before there was an answer."""

_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Headers of every answer that has none of its own of that name: nothing that is shown of it loads or runs anything."""


def _not_given(headers: Iterable[Header], given: Iterable[Header]) -> list[Header]:
    names = {name.lower() for name, _ in given}
    return [(name, value) for name, value in headers if name not in names]


def _clock_s() -> float:
    """How far the time of day is ahead of the time that passes, seconds."""
    return time.time() - time.monotonic()


class Limiter:
    """Rate limits, by caller; by address for those whom nobody knows."""

    def __init__(self, settings: Settings) -> None:
        self._storage = MemoryStorage()
        self._windows = MovingWindowRateLimiter(self._storage)
        self._clock_s = _clock_s()
        self._rates = {
            "request": parse(settings.rate_limit),
            "create": parse(settings.create_limit),
            "failed login": parse(settings.failed_login_limit),
        }

    async def count(self, what: str, who: str) -> None:
        """Count one more.

        Raises:
            ApiError: it is one too many.
        """
        await self._begin_anew_where_the_clock_was_set()
        if not await self._windows.hit(self._rates[what], what, who):
            await self._refuse(what, who)

    async def _begin_anew_where_the_clock_was_set(self) -> None:
        # What is counted has the time of day: set back, it would keep callers out until that time comes again.
        if abs(_clock_s() - self._clock_s) > CLOCK_SET_S:
            self._clock_s = _clock_s()
            await self._storage.reset()

    async def _refuse(self, what: str, who: str) -> None:
        resets_at, _left = await self._windows.get_window_stats(self._rates[what], what, who)
        wait_s = max(1, round(resets_at - time.time()))
        raise ApiError(429, f"at most {self._rates[what]} ({what})", headers={"Retry-After": str(wait_s)})


class Admission:
    """ASGI middleware around all routes. Whatever path is not in `OPEN` is closed to those whom nobody knows."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._authenticator = Authenticator(settings)
        self._limiter = Limiter(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passing = _Passing(self, scope, receive, send)
        began = time.perf_counter()
        try:
            await passing.through()
        finally:
            took_s = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(scope["method"], route, str(passing.status)).observe(took_s)
            request_log(scope, passing.status, took_s, passing.caller.name if passing.caller else None)

    async def admit(self, scope: Scope) -> Caller | None:
        """The caller of a request; None where anyone may ask.

        Raises:
            ApiError: they are not let in.
        """
        if scope["path"] in OPEN:
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        client = scope["client"][0] if scope.get("client") else None
        server = scope["server"][0] if scope.get("server") else None
        try:
            caller = await self._authenticator.caller(scope["method"], headers, (client, peer_of(scope), server))
        except Unknown as error:
            await self._limiter.count("failed login", str(client))
            raise ApiError(401, str(error), headers={"WWW-Authenticate": "Bearer"}) from error
        except Unavailable as error:
            raise ApiError(503, str(error), headers={"Retry-After": "5"}) from error
        await self._limiter.count("request", caller.name)
        if scope["method"] == "POST" and CREATING.fullmatch(scope["path"]):
            await self._limiter.count("create", caller.name)
        return caller

    def check_size(self, scope: Scope) -> None:
        """Refuse what says itself that it is too large."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._settings.max_body_bytes:
            raise self.too_large()

    def too_large(self) -> ApiError:
        return ApiError(413, f"the body must be at most {self._settings.max_body_bytes} bytes")

    async def call(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @property
    def max_body_bytes(self) -> int:
        return self._settings.max_body_bytes

    @property
    def timeout_s(self) -> float:
        return self._settings.request_timeout_s


class _Passing:
    """One request on its way through the gate."""

    def __init__(self, gate: Admission, scope: Scope, receive: Receive, send: Send) -> None:
        self._gate = gate
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body: list[Message] = []
        self._deadline: asyncio.Timeout | None = None
        self.status = 0
        self.caller: Caller | None = None

    async def through(self) -> None:
        try:
            self._gate.check_size(self._scope)
            self.caller = await self._gate.admit(self._scope)
            self._scope.setdefault("state", {})["caller"] = self.caller
            async with asyncio.timeout(self._gate.timeout_s) as self._deadline:
                try:
                    # Before the app asks for it: FastAPI takes any error at reading for a body that is no JSON.
                    self._body = await self._read()
                    await self._answered(self._head if self._scope["method"] == "HEAD" else self._whole)
                finally:
                    self._deadline = None  # whatever is answered now is answered in time
        except ApiError as error:
            await self._answer(error)
        except TimeoutError:
            await self._answer(ApiError(504, f"no answer within {self._gate.timeout_s:g} s"))
        except Exception:
            _log.exception("%s %s failed", self._scope["method"], self._scope["path"])
            await self._answer(ApiError(500, "something went wrong here; the log says what"))

    async def _head(self) -> None:
        """What GET would answer, as far as its body, which need not end and is not waited for."""
        begun = asyncio.Event()

        async def give(message: Message) -> None:
            if not begun.is_set():
                await self._give(message)
                await self._give({"type": "http.response.body", "body": b""})
                begun.set()

        answer = asyncio.create_task(self._gate.call({**self._scope, "method": "GET"}, self._take, give))
        beginning = asyncio.create_task(begun.wait())
        try:
            await asyncio.wait([answer, beginning], return_when=asyncio.FIRST_COMPLETED)
            if not begun.is_set():
                await answer  # it says what went wrong
        finally:
            for task in (answer, beginning):
                task.cancel()
            await asyncio.gather(answer, beginning, return_exceptions=True)

    async def _whole(self) -> None:
        await self._gate.call(self._scope, self._take, self._give)

    async def _answered(self, answer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have the app answer. A caller who leaves before it does wants no answer, and what is done for it ends."""
        answering = asyncio.ensure_future(answer())
        leaving = asyncio.ensure_future(self._left())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if self.status:  # what has begun, such as a stream, sees for itself whether there is still a reader
                await answering
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        if answering.cancelled():
            self.status = CLIENT_LEFT
        else:
            answering.result()

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _read(self) -> list[Message]:
        """The body, whole."""
        messages: list[Message] = []
        size = 0
        while True:
            message = await self._receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._gate.max_body_bytes:
                raise self._gate.too_large()
            if not message.get("more_body"):
                return messages

    async def _take(self) -> Message:
        return self._body.pop(0) if self._body else await self._receive()

    async def _give(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = message["headers"]
            if self.status == HTTPStatus.NO_CONTENT:
                given = [(name, value) for name, value in given if name.lower() != b"content-type"]
            message["headers"] = [*given, *_not_given(_SAFE, given)]
            if self._deadline is not None:
                self._deadline.reschedule(None)  # what has begun, such as a stream, may take its time
        await self._send(message)

    async def _answer(self, error: ApiError) -> None:
        if self.status:
            raise error  # half an answer cannot be taken back: the connection is cut
        response: Any = error.response()
        await response(self._scope, self._receive, self._give)
