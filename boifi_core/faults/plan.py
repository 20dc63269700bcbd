"""A fault: what is done, to which requests, to what share of them."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from boifi_core.value import Value


class FaultType(StrEnum):
    """What is done to a request; read in any case."""

    DELAY = "delay"
    ABORT = "abort"
    ERROR_INJECTION = "error_injection"
    RATE_LIMIT = "rate_limit"

    @classmethod
    def _missing_(cls, value: object) -> FaultType | None:
        if not isinstance(value, str):
            return None
        return next((member for member in cls if member.value == value.lower()), None)


OTHER_NAMES = {
    "api": "target_path",
    "abort_http_status": "abort_status_code",
    "error_type": "error_message",
}
"""Names that other tools use for fields of a `FaultPlan`; `delay_seconds` is read too, times 1000."""

OWN_FIELDS: dict[FaultType, frozenset[str]] = {
    FaultType.DELAY: frozenset({"delay_ms"}),
    FaultType.ABORT: frozenset({"abort_status_code"}),
    FaultType.ERROR_INJECTION: frozenset({"abort_status_code", "error_message"}),
    FaultType.RATE_LIMIT: frozenset(),
}
"""Which of the type-specific fields a fault type reads; the others are ignored."""

_TYPE_FIELDS = frozenset().union(*OWN_FIELDS.values())


class FaultPlan(Value):
    """One fault: what is done, to which requests, to what share of them.

    `target_path` is a prefix unless it begins with `^`, then a regular expression. `target_method` None means all
    methods, `target_service` None every workload. `percentage` is the share of the matching requests, 0 to 100.
    `duration_seconds` is the policy's own expiry, `start_delay_ms` a wait within the request before the fault.
    `parameters` are for injectors that know them.
    """

    fault_type: FaultType
    target_path: Annotated[str, Field(min_length=1)] = "/"
    target_method: str | None = None
    target_service: str | None = None
    headers: dict[str, str] = Field(default={})
    percentage: float = Field(default=100.0, ge=0, le=100)
    delay_ms: int | None = Field(default=None, gt=0)
    abort_status_code: int | None = Field(default=None, ge=200, le=599)
    error_message: str | None = None
    duration_seconds: int | None = Field(default=None, gt=0)
    start_delay_ms: int = Field(default=0, ge=0)
    parameters: dict[str, Any] = Field(default={})

    @model_validator(mode="before")
    @classmethod
    def _read_other_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        for other, name in OTHER_NAMES.items():
            if other in data:
                if name in data:
                    raise ValueError(f"{other} and {name} are the same field; give one")
                data[name] = data.pop(other)
        if "delay_seconds" in data:
            if "delay_ms" in data:
                raise ValueError("delay_seconds and delay_ms are the same field; give one")
            data["delay_ms"] = seconds_to_ms(data.pop("delay_seconds"))
        try:
            own = OWN_FIELDS[FaultType(data["fault_type"])]
        except (KeyError, ValueError):
            return data
        return {name: value for name, value in data.items() if name not in _TYPE_FIELDS or name in own}

    @field_validator("target_service")
    @classmethod
    def _every_service(cls, service: str | None) -> str | None:
        return None if service in ("", "*") else service

    @field_validator("target_method")
    @classmethod
    def _upper_case(cls, method: str | None) -> str | None:
        if method is None or method.upper() in {"", "*", "ALL", "ANY"}:
            return None
        return method.upper()

    @model_validator(mode="after")
    def _has_its_own_fields(self) -> Self:
        if self.fault_type is FaultType.DELAY and self.delay_ms is None:
            raise ValueError("delay_ms is required for a delay")
        if self.fault_type in (FaultType.ABORT, FaultType.ERROR_INJECTION) and self.abort_status_code is None:
            object.__setattr__(self, "abort_status_code", 500)
        return self

    def __repr__(self) -> str:
        return f"FaultPlan({self})"

    def __str__(self) -> str:
        """One line for people: `delay 250 ms on POST payments/charge, 80 %`."""
        what = self.fault_type.value.replace("_", " ")
        if self.delay_ms is not None:
            what += f" {self.delay_ms} ms"
        if self.abort_status_code is not None:
            what += f" {self.abort_status_code}"
        if self.error_message is not None:
            what += f" {self.error_message!r}"
        if self.start_delay_ms:
            what += f" after {self.start_delay_ms} ms"
        gap = " " if self.target_path.startswith("^") and self.target_service else ""
        where = f"{self.target_service or ''}{gap}{self.target_path}"
        method = f"{self.target_method} " if self.target_method else ""
        who = "".join(f", {name}: {value}" for name, value in self.headers.items())
        return f"{what} on {method}{where}{who}, {self.percentage:g} %"


def seconds_to_ms(seconds: Any) -> Any:
    """Seconds as whole milliseconds; what is no number passes through, for validation to name."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        return seconds
    return round(seconds * 1000)
