"""The facade: `uvicorn --factory api.app:create_app`."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import SQLAlchemyError

from api import errors, logs
from api.admission import Admission
from api.dependencies import Dependencies
from api.events import Streams
from api.index import Index
from api.metrics import Metrics
from api.proxies import TrustedProxies
from api.reports import Reports
from api.routes import operating, results, sessions
from api.runs import Launcher, Prefect, PrefectUnavailable
from api.settings import Settings
from api.store import Store
from api.work import Work, start_early
from boifi_core.errors import BoifiError
from boifi_core.session.events import Stream
from boifi_core.storage import IMPATIENT_S, patience_s
from boifi_core.storage.data_dir import state_path
from boifi_core.validation import invalid_input

CHECK_S = 10.0
"""How long it may take to check a request, or to carry it out: the largest that is let in takes a second or two."""

CHECKS_AT_ONCE, CHECK_WAITS_S = 2, 30.0
"""How many requests are checked at a time, and how long the next may wait: fifty at once are all let in."""

REPORT_S = 120.0
"""How long it may take to make a report."""

_log = logging.getLogger("boifi.api")


def create_app(settings: Settings | None = None) -> FastAPI:
    """The facade as an ASGI app; settings come from the environment where none are given.

    Raises:
        SystemExit: one of those breaks its rule; among them, to listen beyond loopback without keys.
    """
    settings = settings or _settings()
    metrics = Metrics()
    app = FastAPI(
        title="BOIFI",
        version=version("boifi"),
        summary="Finds the faults that hurt a service mesh most",
        lifespan=_life(settings, metrics),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.include_router(sessions.router)
    app.include_router(results.router)
    app.include_router(operating.router)
    errors.install(app)
    app.add_middleware(Admission, settings=settings, metrics=metrics)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["Retry-After", "Idempotency-Replayed"],
        )
    if settings.trusted_proxies:
        app.add_middleware(TrustedProxies, trusted=settings.trusted_proxies)
    return app


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        said = str(invalid_input(error, "", Settings))
    except SettingsError as error:
        said = f"settings: {error}"
    print(f"error: {said}", file=sys.stderr, flush=True)
    raise SystemExit(2)


async def _watched(index: Index, poll_s: float) -> None:
    """Keep the index up; where its database fails, that is opened anew, and filled where it had to be made again."""
    try:
        await index.watch(poll_s)
    except SQLAlchemyError:
        await index.store.open()
        await index.remember_keys()
        raise


async def _kept_up(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do what is never done; when it fails, such as while the database is away, begin it again."""
    while True:
        try:
            await work()
        except Exception as error:
            known = isinstance(error, (SQLAlchemyError, OSError, BoifiError))
            _log.error("%s", " ".join(str(error).split())[:300], exc_info=None if known else error)
            await asyncio.sleep(1.0)


async def _warm_up(prefect: Prefect) -> None:
    """Have imported what the first session needs: not before Prefect has started, which needs the processors more."""
    while True:
        with suppress(PrefectUnavailable):
            await prefect.check()
            break
        await asyncio.sleep(1.0)
    await asyncio.to_thread(start_early)
    await asyncio.to_thread(import_module, "boifi_core.history.dataset")


def _life(settings: Settings, metrics: Metrics):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        patience_s.set(IMPATIENT_S)
        with logs.configured(state_path(settings.data, settings.state)):
            store = Store(settings.store_url)
            await store.open()
            streams = Streams(settings.max_streams, metrics.streams)
            told = Stream(metrics, streams, logs.audit)
            index = Index(store, settings.data, told)
            await index.remember_keys()
            prefect = Prefect()
            checks = Work(CHECKS_AT_ONCE, CHECK_S, CHECK_WAITS_S)
            results = Work(1, settings.request_timeout_s)
            reports = Reports(Work(1, REPORT_S, wait_s=REPORT_S))
            app.state.parts = Dependencies(
                settings, store, index, prefect, checks, results, reports, metrics, streams, told
            )
            launcher = Launcher(index, prefect)
            works = (lambda: _watched(index, settings.poll_s), launcher.work)
            tasks = [asyncio.create_task(_kept_up(work)) for work in works]
            tasks.append(asyncio.create_task(_warm_up(prefect)))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await prefect.close()
                await store.close()

    return life
