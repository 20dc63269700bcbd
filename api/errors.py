"""Every error in one shape: `{"error": {"code", "message", "details"}}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.validation import invalid_inputs

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

MOST_DETAILS = 100
"""How many of the fields that are wrong an answer names."""

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
        if isinstance(error.body, bytes):  # which FastAPI reads only as what it is said to be
            return ApiError(415, "the body must be JSON, with Content-Type: application/json").response()
        return from_complaints(error.errors(), error.body).response()

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
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == HTTPStatus.NOT_FOUND:
            without = "; try it without the / at its end" if request.url.path.endswith("/") else ""
            return ApiError(404, f"there is nothing at this path{without}").response()
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            methods = ", ".join(methods_at(request))
            text = f"{request.method} cannot be done here; what can: {methods}"
            return ApiError(405, text, headers={"Allow": methods}).response()
        return ApiError(error.status_code, str(error.detail), headers=error.headers).response()


def methods_at(request: Request) -> list[str]:
    """What can be done at the path that was asked for; HEAD wherever GET is."""
    found = {
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


def from_invalid_input(error: InvalidInput) -> ApiError:
    """The core's own complaint."""
    return invalid(error.field, str(error).removeprefix(f"{error.field}: "))


def from_complaints(complaints: Any, body: Any = None) -> ApiError:
    """FastAPI's complaints: no JSON at all is 400, the rest 422 with every field that is wrong."""
    if any(complaint["type"] == "json_invalid" for complaint in complaints):
        problem = complaints[0].get("ctx", {}).get("error", "")
        return ApiError(400, f"body: must be JSON ({problem})")
    told = complaints[:MOST_DETAILS]
    details = [detail for where in _PLACES for detail in _details(where, told, body if where == "body" else None)]
    others = len(details) - 1 + len(complaints) - len(told)
    more = f" (and {others} more)" if others else ""
    return ApiError(422, f"{details[0].field}: {details[0].message}{more}", details=details)


_PLACES = ("path", "query", "header", "cookie", "body")


def _details(where: str, complaints: Any, data: Any) -> list[Detail]:
    """What is wrong in one of the places that a request has."""
    here: Any = [{**each, "loc": each["loc"][1:]} for each in complaints if each["loc"][0] == where]
    found = [(where if error.field == "input" else error.field, error) for error in invalid_inputs(here, data=data)]
    return [Detail(field=field, message=str(error).removeprefix(f"{error.field}: ")) for field, error in found]
