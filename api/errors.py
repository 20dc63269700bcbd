"""Every error in one shape: `{"error": {"code", "message", "details"}}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.validation import rule_of

CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
    504: "timed_out",
}
"""The code of an error that has none of its own, by HTTP status."""

ALWAYS = (401, 403, 413, 429, 500, 503, 504)
"""What any route can answer."""


class Detail(BaseModel):
    """One thing that is wrong with the request: where, and which rule it breaks."""

    field: str
    message: str


class Error(BaseModel):
    """What went wrong: `code` for programs, `message` for people, `details` field by field."""

    code: str
    message: str
    details: list[Detail] = Field(default_factory=list)


class ErrorBody(BaseModel):
    """The body of every answer that is no success."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "code": "invalid_input",
                        "message": "total_trials: must be at least 1, got 0",
                        "details": [{"field": "total_trials", "message": "must be at least 1, got 0"}],
                    }
                }
            ]
        }
    )

    error: Error


class ApiError(Exception):
    """An answer that is no success.

    Args:
        status: the HTTP status.
        message: one line for people.
        code: for programs; by default that of the status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        details: list[Detail] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorBody(error=Error(code=code or CODES[status], message=message, details=details or []))
        self.headers = dict(headers or {})

    def without(self, hide: Callable[[str], str]) -> ApiError:
        """The same, its message passed through this: where things lie on this machine is no caller's business."""
        error = self.body.error
        self.body = ErrorBody(error=error.model_copy(update={"message": hide(error.message)}))
        return self

    def response(self) -> JSONResponse:
        """The answer itself."""
        return JSONResponse(self.body.model_dump(), self.status, self.headers)


def invalid(field: str, message: str) -> ApiError:
    """One field of the request breaks a rule."""
    return ApiError(422, f"{field}: {message}", details=[Detail(field=field, message=message)])


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its OpenAPI document; those that any route can answer are among them."""
    return {status: {"model": ErrorBody, "description": CODES[status]} for status in sorted({*ALWAYS, *statuses})}


def install(app: FastAPI) -> None:
    """Answer every exception in the one shape."""

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> JSONResponse:
        return error.without(request.app.state.parts.settings.without_paths).response()

    @app.exception_handler(RequestValidationError)
    async def _validation(_request: Request, error: RequestValidationError) -> JSONResponse:
        return from_complaints(error.errors()).response()

    @app.exception_handler(InvalidInput)
    async def _input(_request: Request, error: InvalidInput) -> JSONResponse:
        return from_invalid_input(error).response()

    @app.exception_handler(BoifiError)
    async def _core(request: Request, error: BoifiError) -> JSONResponse:
        return ApiError(503, str(error)).without(request.app.state.parts.settings.without_paths).response()

    @app.exception_handler(SQLAlchemyError)
    async def _database(_request: Request, _error: SQLAlchemyError) -> JSONResponse:
        return ApiError(503, "the database does not answer", headers={"Retry-After": "1"}).response()

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        return ApiError(error.status_code, str(error.detail), headers=error.headers).response()


def from_invalid_input(error: InvalidInput) -> ApiError:
    """The core's own complaint."""
    return invalid(error.field, str(error).removeprefix(f"{error.field}: "))


def from_complaints(complaints: Any) -> ApiError:
    """FastAPI's complaints: no JSON at all is 400, the rest 422 with every field that is wrong."""
    if any(complaint["type"] == "json_invalid" for complaint in complaints):
        problem = complaints[0].get("ctx", {}).get("error", "")
        return ApiError(400, f"body: must be JSON ({problem})")
    details = [_detail(complaint) for complaint in complaints]
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return ApiError(422, f"{details[0].field}: {details[0].message}{more}", details=details)


def _detail(complaint: Any) -> Detail:
    cause = complaint.get("ctx", {}).get("error")
    if isinstance(cause, InvalidInput):
        return Detail(field=cause.field, message=str(cause).removeprefix(f"{cause.field}: "))
    where, *rest = complaint["loc"]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest).lstrip(".")
    if complaint["type"] == "extra_forbidden":
        return Detail(field=path, message="unknown key")
    is_shown = complaint["type"] != "missing" and not isinstance(complaint["input"], (dict, list))
    shown = _got(complaint["input"]) if is_shown else ""
    return Detail(field=path or str(where), message=f"{rule_of(complaint)}{shown}")


def _got(value: Any) -> str:
    text = repr(value)
    return f", got {text if len(text) <= 80 else text[:79] + '…'}"
