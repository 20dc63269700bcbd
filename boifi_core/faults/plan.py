"""A fault: what is done, to which requests, to what share of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticKnownError
from typing_extensions import TypeAliasType

from boifi_core.faults import kinds
from boifi_core.faults.kinds import KINDS, Kind, PlanField
from boifi_core.value import Value


def _name_of_a_kind(written: object) -> str:
    name = kinds.name_of(written)
    if name is None:
        *others, last = map(repr, KINDS)
        raise PydanticKnownError("enum", {"expected": f"{', '.join(others)} or {last}"})
    return name


_SCHEMA = {
    "title": "FaultType",
    "type": "string",
    "enum": list(KINDS),
    "description": "What is done to a request; read in any case.",
}
FaultType = TypeAliasType("FaultType", Annotated[str, BeforeValidator(_name_of_a_kind), WithJsonSchema(_SCHEMA)])
"""What is done to a request: the name of a kind in the table. An alias with a name has a schema of its own."""


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
    percentage: float = kinds.PERCENTAGE.declared(100.0)
    delay_ms: int | None = kinds.DELAY_MS.declared()
    abort_status_code: int | None = kinds.ABORT_STATUS_CODE.declared()
    error_message: str | None = kinds.ERROR_MESSAGE.declared()
    duration_seconds: int | None = kinds.DURATION_SECONDS.declared()
    start_delay_ms: int = kinds.START_DELAY_MS.declared(0)
    parameters: dict[str, Any] = Field(default={})

    @model_validator(mode="before")
    @classmethod
    def _read_other_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        known = kinds.known_fields()
        for field in known:
            for other in field.other_names:
                if other not in data:
                    continue
                if field.name in data:
                    raise ValueError(f"{other} and {field.name} are the same field; give one")
                data[field.name] = field.scaled(other, data.pop(other))
        name = kinds.name_of(data.get("fault_type"))
        if name is not None:
            for field in known:
                if field not in kinds.COMMON and field.name not in KINDS[name].names:
                    data.pop(field.name, None)
        return data

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
        for field in self.kind.fields:
            if getattr(self, field.name) is not None:
                continue
            if field.is_required:
                raise ValueError(f"{field.name} is required for a {self._what}")
            object.__setattr__(self, field.name, field.default)
        return self

    @property
    def kind(self) -> Kind:
        """What the table knows of its kind."""
        return KINDS[self.fault_type]

    @property
    def strength(self) -> float:
        """The value of the field that is lowered for a milder fault; 0 where its kind has none."""
        milder = self.kind.milder
        return 0 if milder is None else getattr(self, milder.name) or 0

    @property
    def wait_ms(self) -> int:
        """How long it holds up a request in all, milliseconds."""
        waits = (field.name for field in (*kinds.COMMON, *self.kind.fields) if field.is_wait)
        return sum(getattr(self, name) or 0 for name in waits)

    @property
    def _what(self) -> str:
        return self.fault_type.replace("_", " ")

    def __repr__(self) -> str:
        return f"FaultPlan({self})"

    def __str__(self) -> str:
        """One line for people: `delay 250 ms on POST payments/charge, 80 %`."""
        return f"{self._said(self.kind.fields)}, {self.percentage:g} %"

    @property
    def place(self) -> str:
        """The same without how much of it there is: `delay on POST payments/charge`."""
        return self._said([field for field in self.kind.fields if field not in self.kind.scales])

    def _said(self, fields: Iterable[PlanField]) -> str:
        values = [(field.says, getattr(self, field.name)) for field in fields]
        what = " ".join([self._what, *(says.format(value) for says, value in values if value is not None)])
        if self.start_delay_ms:
            what += f" after {self.start_delay_ms} ms"
        gap = " " if self.target_path.startswith("^") and self.target_service else ""
        path = "" if self.target_service and self.target_path == "/" else self.target_path
        where = f"{self.target_service or ''}{gap}{path}"
        method = f"{self.target_method} " if self.target_method else ""
        who = "".join(f", {name}: {value}" for name, value in self.headers.items())
        return f"{what} on {method}{where}{who}"
