"""How a log line looks as JSON, whichever process writes it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter


class _Formatter(JsonFormatter):
    def add_fields(self, log_record: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_record, record, message_dict)
        log_record["@timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat()
        log_record["level"] = record.levelname
        log_record["logger"] = record.name


def json_formatter() -> logging.Formatter:
    """One object a line: the message, what was given as `extra`, `@timestamp`, `level` and `logger`."""
    return _Formatter("%(message)s", json_ensure_ascii=False)
