"""Every key that a session file may have, whose it is, and the secrets that a session sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from boifi_core.value import Whose
from boifi_core.wire.environment import variable_named


@dataclass(frozen=True)
class Secret:
    """A variable of the environment whose value a session sends, the field that names it, and where it is sent."""

    field: str
    variable: str
    url: str


class Connecting(Protocol):
    """What has secrets, and says where it sends them."""

    def connects_to(self) -> Iterator[tuple[str, str]]: ...


def whose(field: FieldInfo) -> Whose | None:
    """Whose a model's field is; None if anybody's."""
    return next((mark for mark in field.metadata if isinstance(mark, Whose)), None)


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation allows, out of unions, lists and mappings; those of all kinds among them."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        yield annotation
        for kind in annotation.__subclasses__():
            yield from models_of(kind)
    else:
        for argument in get_args(annotation):
            yield from models_of(argument)


def keys(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Whose | None]]:
    """All keys below a model, as dotted paths without the numbers of list entries, and whose each is."""
    for name, field in model.model_fields.items():
        key = f"{path}.{name}" if path else name
        yield key, whose(field)
        for each in models_of(field.annotation):
            yield from keys(each, key)


def secrets_of(value: Any, path: str = "", owner: Connecting | None = None) -> Iterator[Secret]:
    """All that a session's config would send of its environment."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            key = f"{path}.{name}" if path else name
            is_secret = whose(field) is Whose.SECRET
            sends = owner or (value if is_secret else None)
            yield from secrets_of(getattr(value, name), key, sends)  # type: ignore[arg-type]
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from secrets_of(each, f"{path}.{name}", owner)
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(value):
            yield from secrets_of(each, f"{path}[{number}]", owner)
    elif owner is not None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        variable = variable_named(text) if isinstance(text, str) else None
        for _, url in owner.connects_to() if variable else ():
            yield Secret(path, variable or "", url)
