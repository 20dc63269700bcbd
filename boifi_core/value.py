"""What every value is made of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from boifi_core.validation import OWN_RULE, invalid_input, refuse_booleans


class Value(BaseModel):
    """Base of all values: frozen, and no field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def read(cls, data: Any, field: str = "") -> Self:
        """What a user wrote, checked.

        Args:
            field: where it stands in what the user wrote; empty where it is the whole.

        Raises:
            InvalidInput: the first of its fields that breaks a rule.
        """
        try:
            value = cls.model_validate(data)
        except ValidationError as error:
            raise invalid_input(error, field, cls, data) from None
        refuse_booleans(data, value, field)
        return value


class Whose(StrEnum):
    """Whose a key of a session file is, in `Annotated` beside its type; what has no mark is anybody's to say.

    OPERATOR: it names a file, a command, a script or a module of the machine that runs the session.
    SECRET: it may be `${NAME}`, a secret of that machine, which is sent where the key's model `connects_to`.
    """

    OPERATOR = "operator"
    SECRET = "secret"


class KindConfig(Value):
    """A part of a session file that has kinds, `{type: NAME, …}`; each kind's own is a subclass of its room's."""

    model_config = ConfigDict(polymorphic_serialization=True)

    type: str


class TableEntry(Protocol):
    """An entry of a room's table of kinds, by name."""

    @property
    def config(self) -> type[KindConfig]: ...


def complaint(rule: str, value: Any, *where: str | int) -> ValidationError:
    """What a validator raises of something within its value: at this place a rule is broken."""
    error = PydanticCustomError(OWN_RULE, "{rule}", {"rule": rule})
    return ValidationError.from_exception_data("value", [InitErrorDetails(type=error, loc=where, input=value)])


def of_kind(table: Mapping[str, TableEntry], default: str | None = None) -> BeforeValidator:
    """Reads `{type: NAME, …}` by the model that `table` has for that name.

    Args:
        default: the kind of what names none.
    """

    def read(data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(name := data.get("type", default), str):
            return data
        if name not in table:
            raise complaint(f"must be one of {', '.join(sorted(table))}", name, "type")
        return table[name].config.model_validate(data)

    return BeforeValidator(read)
