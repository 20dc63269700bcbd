"""Logs as JSON, one line each: of requests, and of who started and stopped what."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from starlette.types import Scope

from boifi_core.json_logs import json_formatter
from boifi_core.session.events import Asked, Event
from boifi_core.storage.aside import move_aside
from boifi_core.storage.private import make_private

_requests = logging.getLogger("boifi.requests")
_audit = logging.getLogger("boifi.audit")
_log = logging.getLogger("boifi.api")

AUDIT_FILE = "audit.jsonl"
"""On this machine's disk: a line for each session that was created, stopped or deleted."""


@contextmanager
def configured(state: Path) -> Iterator[None]:
    """Send the facade's logs to standard error, and the audit log to its file too, for as long as this lasts."""
    make_private(state)
    with ExitStack() as stack:
        root = logging.getLogger("boifi")
        before = root.level, root.propagate
        root.setLevel(logging.INFO)
        root.propagate = False
        stack.callback(_restore, root, *before)
        stack.enter_context(_handled(root, logging.StreamHandler(sys.stderr)))
        # Watched, so that it can be rotated from outside.
        stack.enter_context(_handled(_audit, _Kept(state / AUDIT_FILE)))
        yield


class _Kept(logging.handlers.WatchedFileHandler):
    """The audit log's file. Where it cannot be written, its lines stand in the facade's log alone, which says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._path.is_dir():
                _log.error("%s is no file: moved to %s, the audit log begins anew", self._path, move_aside(self._path))
            super().emit(record)
        except OSError as error:
            self._tell(error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in the standard library
        error = sys.exc_info()[1]
        self._tell(error if isinstance(error, Exception) else OSError("it cannot be written"))

    def _tell(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or error
        _log.error("%s cannot be written (%s): the audit log's lines stand in this log alone", self._path, why)


@contextmanager
def _handled(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    handler.setFormatter(json_formatter())
    before, logger.handlers = logger.handlers, [handler]
    try:
        yield
    finally:
        logger.handlers = before
        handler.close()


def _restore(logger: logging.Logger, level: int, propagate: bool) -> None:
    logger.setLevel(level)
    logger.propagate = propagate


def request_log(scope: Scope, status: int, took_s: float, caller: str | None) -> None:
    """One line for one request; the session's id is a field of its own, and no query, header or body is in it."""
    if scope["path"] in {"/health", "/metrics"} and status < 400:
        return  # asked every few seconds
    if scope["path"] == "/ready" and status in (200, 503):
        return  # and what changes of it, `readiness` tells
    session_id = scope.get("path_params", {}).get("session_id")
    _requests.info(
        "%s %s",
        scope["method"],
        scope["path"][:200],
        extra={
            "status": status,
            "took_ms": round(took_s * 1000, 1),
            "caller": caller,
            "client": scope["client"][0] if scope.get("client") else None,
            **({"session_id": session_id} if session_id else {}),
        },
    )


class Readiness:
    """Logs whether sessions can be started, and why not, as often as that changes."""

    def __init__(self) -> None:
        self._told: str | None = None

    def tell(self, reason: str) -> None:
        """It is so now: `ready`, or why not."""
        if reason != self._told:
            self._told = reason
            _log.info("%s", reason)


def audit(event: Event) -> None:
    """Keep who did what: `created`, `stop requested`, `deleted`."""
    if isinstance(event, Asked):
        who = {"action": event.action, "caller": event.caller, "session_id": event.session_id}
        _audit.info("%s %s session %s", event.caller, event.action, event.session_id, extra={**who, **event.more})
