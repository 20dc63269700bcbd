"""Why a request had no answer, in a few words for people; free of what varies from request to request."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from boifi_core.errors import InvalidInput, printable

_DEEPEST = 20


def why_unanswered(error: BaseException) -> str:
    """`connection refused`, `certificate refused: self-signed certificate`, `name not resolved: shop.example: …`.

    HTTP libraries tell it by the error that theirs was raised from, if at all.
    """
    causes = list(_causes(error))
    for cause in causes:
        text = _told_by(cause)
        if text is not None:
            return printable(text)
    if any(isinstance(cause, httpx.ConnectError) for cause in causes):
        return printable(f"no connection: {error}" if str(error) else "no connection")
    return "connection cut"


def _told_by(error: BaseException) -> str | None:
    match error:
        case InvalidInput():
            return str(error)
        case ssl.SSLCertVerificationError():
            return f"certificate refused: {error.verify_message.rstrip('.')}"
        case ssl.SSLError():
            return f"TLS failed: {(error.reason or 'no reason given').lower().replace('_', ' ')}"
        case socket.gaierror():
            return f"name not resolved: {error.strerror}"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | BrokenPipeError():
            return "connection cut"
        case httpx.ProxyError():
            return f"the proxy gave no connection: {error}"
        case httpx.RemoteProtocolError() if not _is_end(str(error)):
            return "answered what is no HTTP"
        case OSError(errno=int(), strerror=str(text)):
            return f"no connection: {text.lower()}"
    return None


def _is_end(text: str) -> bool:
    return "disconnected" in text or "closed connection" in text


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The innermost first."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < _DEEPEST:
        each = waiting.pop()
        found.append(each)
        inner = each.__cause__ or each.__context__
        waiting += [*(each.exceptions if isinstance(each, BaseExceptionGroup) else ()), *([inner] if inner else [])]
    return reversed(found)
