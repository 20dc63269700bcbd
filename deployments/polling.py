"""What is done again and again, and goes on when Prefect's API is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from prefect.exceptions import PrefectHTTPStatusError

from boifi_core.errors import BoifiError
from deployments.logs import log

CANCEL_POLL_S = 1.0
SETTLE_POLL_S = 10.0
API_POLL_S = 0.5

API_ERRORS = (httpx.HTTPError, PrefectHTTPStatusError)
"""What Prefect's client raises where its API does not answer, or refuses."""


async def every(pause_s: float, job: Callable[[], Awaitable[None]]) -> None:
    """Do this for ever, with a pause in between; what goes wrong is logged."""
    while True:
        try:
            await job()
        except API_ERRORS as error:
            log.warning("Prefect's API: %s", brief(error))
        except BoifiError as error:
            log.warning("%s", error)
        except Exception:
            log.exception("this goes on")
        await asyncio.sleep(pause_s)


def brief(error: Exception) -> str:
    """The error in a line."""
    return f"{type(error).__name__}: {error}"[:300]
