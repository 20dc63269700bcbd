"""What only the operator can say: a request has it by name, as `{provided: NAME}`, from the file that the service has.

The file is a mapping of names. Each has a block, which stands for a whole mapping of a session file, or a single value:

    staging-mesh: {type: hfi, endpoint: "https://mesh.local", token: "${BOIFI_EXECUTOR_TOKEN}", ca_file: /etc/mesh.pem}
    mesh-authority: /etc/mesh.pem
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from boifi_core.errors import InvalidInput
from boifi_core.safety.keys import models_of, whose
from boifi_core.session.config import SessionConfig
from boifi_core.value import Whose
from boifi_core.wire.environment import variable_named

PROVIDED = "provided"

Places = dict[str, str]
"""The names of what was provided, by the field that has it now."""


def filled(data: Mapping[str, Any], blocks: Mapping[str, Any]) -> tuple[dict[str, Any], Places]:
    """A request with what is provided put into it, and where that stands.

    Raises:
        InvalidInput: it names what is not provided, or says itself what only the operator may say, or has a secret
            written out.
    """
    filling = _Filling(blocks)
    return filling.model(data, "", [SessionConfig]), filling.places


def hidden(error: InvalidInput, places: Places) -> InvalidInput:
    """The complaint as its caller may see it: of what the operator has written they are not told the value."""
    for place, name in places.items():
        if error.field == place or error.field.startswith((f"{place}.", f"{place}[")):
            within = error.field.removeprefix(place).removeprefix(".")
            return InvalidInput(place, f"what is provided as {name} cannot be used ({within or 'it'} {error.rule})")
    return error


@dataclass
class _Filling:
    blocks: Mapping[str, Any]
    places: Places = field(default_factory=dict)

    def model(self, data: Mapping[str, Any], path: str, models: list[type[BaseModel]]) -> dict[str, Any]:
        fields = [field for model in models for field in model.model_fields.items()]
        known = dict(sorted(fields, key=lambda field: whose(field[1]) is not None))  # of two kinds' the one with a mark
        return {
            name: self.value(value, f"{path}.{name}" if path else name, known[name]) if name in known else value
            for name, value in data.items()
        }

    def value(self, value: Any, path: str, info: FieldInfo) -> Any:
        mark, models = whose(info), list(models_of(info.annotation))
        if isinstance(value, dict) and PROVIDED in value and (mark or models):
            value = self.provided(value, path, is_block=bool(models))
        elif mark is Whose.OPERATOR and value is not None and not self.is_operators(path):
            raise InvalidInput(path, "must be {provided: NAME} where a session comes by the API")
        if mark is Whose.SECRET and isinstance(value, str) and variable_named(value) is None:
            raise InvalidInput(path, "must be ${NAME}, a variable of the workers; literal secrets are kept nowhere")
        if isinstance(value, dict):
            return self.model(value, path, models)
        if isinstance(value, list) and models:
            return [self.entry(each, f"{path}[{number}]", models) for number, each in enumerate(value)]
        return value

    def entry(self, value: Any, path: str, models: list[type[BaseModel]]) -> Any:
        if isinstance(value, dict) and PROVIDED in value:
            value = self.provided(value, path, is_block=True)
        return self.model(value, path, models) if isinstance(value, dict) else value

    def provided(self, value: dict[str, Any], path: str, *, is_block: bool) -> Any:
        name = value[PROVIDED]
        if len(value) > 1:
            raise InvalidInput(f"{path}.{PROVIDED}", "must stand alone: what is provided is taken whole")
        if self.is_operators(path) or not isinstance(name, str) or name not in self.blocks:
            raise InvalidInput(f"{path}.{PROVIDED}", "must be a name that this service provides", name)
        if isinstance(self.blocks[name], dict) is not is_block:
            what = "a block" if is_block else "a single value"
            raise InvalidInput(f"{path}.{PROVIDED}", f"must be the name of {what}", name)
        self.places[path] = name
        return self.blocks[name]

    def is_operators(self, path: str) -> bool:
        return any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in self.places)
