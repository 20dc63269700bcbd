"""What is done again and again, and goes on when Prefect's API is away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from prefect.exceptions import PrefectHTTPStatusError

from boifi_core.errors import BoifiError
from deployments.logs import log

CANCEL_POLL_S = 1.0
SETTLE_POLL_S = 10.0
API_POLL_S = 0.5

PATIENCE_S = 60.0
"""So long Prefect's API may keep silent, as it does while it starts, before that is worth a warning, seconds."""

API_ERRORS = (httpx.HTTPError, PrefectHTTPStatusError)
"""What Prefect's client raises where its API does not answer, or refuses."""


async def every(pause_s: float, job: Callable[[], Awaitable[None]]) -> None:
    """Do this for ever, with a pause in between; what goes wrong is logged."""
    while True:
        try:
            await job()
        except API_ERRORS as error:
            tell_of_api(error)
        except BoifiError as error:
            log.warning("%s", error)
        except Exception:
            log.exception("this goes on")
        await asyncio.sleep(pause_s)


def brief(error: Exception) -> str:
    """What is wrong with Prefect's API, in a few words."""
    if isinstance(error, PrefectHTTPStatusError):
        return f"it answers {error.response.status_code} to {error.request.method} {error.request.url.path}"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection was cut"


@dataclass
class _Silence:
    """For how long Prefect's API has not answered any of us, and whether that was told."""

    since: float = -math.inf
    last: float = -math.inf
    is_told: bool = False

    def goes_on(self, now: float) -> bool:
        """Whether it is time to tell of it: once, after `PATIENCE_S`."""
        if now - self.last > PATIENCE_S:  # whoever asks does so more often: it has answered since
            self.since, self.is_told = now, False
        self.last = now
        if self.is_told or now - self.since < PATIENCE_S:
            return False
        self.is_told = True
        return True


_silence = _Silence()


def tell_of_api(error: Exception) -> None:
    """Log what went wrong with Prefect's API: that it refuses at once, that it is silent once, after a while."""
    if isinstance(error, PrefectHTTPStatusError) and error.response.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
        log.warning("Prefect's API refuses: %s", brief(error))
    elif _silence.goes_on(time.monotonic()):
        log.warning("Prefect's API has not answered for %g s: %s; this goes on when it does", PATIENCE_S, brief(error))
