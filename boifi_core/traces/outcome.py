"""How a span ended, by the status of its own protocol.

Sources: OpenTelemetry's semantic conventions ("HTTP spans", "gRPC", "Recording errors"), which for a server's span take
six of gRPC's codes for errors, as Envoy does, and for a client's all but OK; Envoy's "Access logging", response flags;
gRPC's "Status codes"; Spring Framework's "Observability Support", HTTP server and client. An exception that is told as
an event is no error by itself: it may have been caught.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from boifi_core.traces import fields
from boifi_core.traces.asked import first

_HTTP = ("http.status_code", "http.response.status_code")
_SPRINGS, _SPRINGS_OWN = "status", "outcome"
"""Spring's name for HTTP's status would be anybody's; it is Spring's beside its `outcome`."""
_GRPC = (
    "rpc.grpc.status_code",
    "rpc.response.status_code",
    "rpc.status_code",
    "grpc.status_code",
    "grpc.code",
    "grpc-status",
    "rpc.connect_rpc.error_code",
)
_SYSTEM = ("rpc.system.name", "rpc.system")
_NAMES = """
    OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED
    RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS
    UNAUTHENTICATED
"""
_CODES = _NAMES.split()
"""gRPC's, each at its number."""

_BY_LETTERS = {code.replace("_", ""): code for code in (*_CODES, "CANCELED")} | {"CANCELED": "CANCELLED"}
_SERVERS_ERRORS = frozenset(("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"))

_FLAGS = "response_flags"
_BAD_FLAGS = frozenset(
    ["UH", "UF", "UO", "UT", "UC", "UR", "LR", "LH", "DC", "UMSDR", "UPE", "NC", "OM", "SI", "DT", "DR", "DF", "DO"]
)  # no answer, or not the upstream's; NR, RL, UAEX and the like come with a status of 4xx, DI with any
_ERROR_TYPE = "error.type"
_STATUS = ("otel.status_code", "status.code")
_OTHER = ("error", "rpc.jsonrpc.error_code", "error.message", "error.kind")

_BEYOND_HTTP = frozenset((*_GRPC, _FLAGS, _ERROR_TYPE, *_STATUS, *_OTHER))

ATTRIBUTES = _BEYOND_HTTP | {*_HTTP, *_SYSTEM, _SPRINGS, _SPRINGS_OWN}
"""The attributes that are read here."""

_MOST_OF_WHY = 200

_WAITED = re.compile(r"time.?d?.?out|deadline|cancell?ed", re.IGNORECASE)


def status_code(attributes: Mapping[str, Any]) -> int | None:
    """HTTP's, by either of OpenTelemetry's names for it, or by Spring's."""
    names = (*_HTTP, _SPRINGS) if _SPRINGS_OWN in attributes else _HTTP
    return next((code for name in names if (code := fields.status_code(attributes.get(name))) is not None), None)


def flags(attributes: Mapping[str, Any]) -> str | None:
    """Envoy's response flags; `-` is what it writes where there are none."""
    found = fields.text(attributes.get(_FLAGS))
    return None if found == "-" else found


def is_error(attributes: Mapping[str, Any], kind: str) -> bool:
    """Whether any of its attributes says that it failed."""
    if ATTRIBUTES.isdisjoint(attributes):
        return False
    if (status_code(attributes) or 0) >= 500:
        return True
    if _BEYOND_HTTP.isdisjoint(attributes):
        return False
    code = _grpc(attributes)
    return (
        str(attributes.get("error", "")).lower() == "true"
        or str(attributes.get("otel.status_code", "")).upper() == "ERROR"
        or (fields.whole(attributes.get("status.code")) or 0) >= 2  # older exporters'; 1 is OK
        or first(attributes, (_ERROR_TYPE, "rpc.jsonrpc.error_code")) is not None
        or (code not in (None, "OK") if kind == "client" else code in _SERVERS_ERRORS)
        or not _BAD_FLAGS.isdisjoint((flags(attributes) or "").split(","))
    )


def error(attributes: Mapping[str, Any]) -> str | None:
    """How it failed, in its protocol's or library's word: gRPC's code, `error.type`, what Zipkin's `error` says."""
    code = None if _BEYOND_HTTP.isdisjoint(attributes) else _grpc(attributes)
    if code not in (None, "OK"):
        return code
    found = first(attributes, (_ERROR_TYPE, "error.kind", "error", "error.message"))
    return None if found is None or found.lower() in ("true", "false") or found.isdecimal() else found


def told_by(status: str | None, exceptions: Iterable[tuple[str | None, str | None]]) -> str | None:
    """How a span failed by the words of its status, and of its exceptions' types and messages; None where none says.

    OpenTelemetry's clients say so alone where there was no answer: `ReadTimeout`, `java.net.SocketTimeoutException`.
    """
    words = [status, *(word for exception in exceptions for word in exception)]
    return " ".join(word.strip() for word in words if word)[:_MOST_OF_WHY] or None


def was_waited_for(error: str | None) -> bool:
    """Whether the word for a failure says that the caller did not wait any longer."""
    return error is not None and _WAITED.search(error) is not None


def _grpc(attributes: Mapping[str, Any]) -> str | None:
    for name in _GRPC:
        if name not in attributes:
            continue
        number = fields.whole(attributes[name])
        if number is not None:
            is_grpcs = "grpc" in name or first(attributes, _SYSTEM) in (None, "grpc")
            return _CODES[number] if number < len(_CODES) and is_grpcs else None
        found = fields.text(attributes[name]) or ""
        code = _BY_LETTERS.get(re.sub(r"[^A-Z]", "", found.rpartition(".")[2].upper()))
        if code is not None:
            return code
    return None
