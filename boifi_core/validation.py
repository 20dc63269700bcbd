"""What pydantic complains of, as one line for the person who wrote the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import is_typeddict

from boifi_core.errors import InvalidInput, hint

_RULES = {
    "missing": "is required",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
}
"""Rule by pydantic's error type; `{…}` is filled from the error's context."""


def invalid_input(error: ValidationError, prefix: str, model: type[BaseModel] | None = None) -> InvalidInput:
    """The first complaint of `error` as an `InvalidInput`: dotted field path, rule, value.

    Args:
        error: what pydantic raised.
        prefix: path of the validated value in the user's input, `analyzer`; empty when it is the whole.
        model: what was validated; with it an unknown key is answered with the nearest known name, and the names that
            pydantic gives to the branches of a union are left out of the path.

    An `InvalidInput` that a validator raised is handed on as it is: it already names its field.
    """
    complaint = error.errors()[0]
    cause = complaint.get("ctx", {}).get("error")
    if isinstance(cause, InvalidInput):
        return cause
    path, known = _walk(complaint, prefix, model)
    field = path or "input"
    if complaint["type"] == "extra_forbidden":
        return InvalidInput(field, f"unknown key{hint(str(complaint['loc'][-1]), known)}")
    rule = rule_of(complaint)
    if complaint["type"] == "missing" or isinstance(complaint["input"], (dict, BaseModel)):
        return InvalidInput(field, rule)
    return InvalidInput(field, rule, complaint["input"])


def rule_of(complaint: ErrorDetails) -> str:
    """The rule that one of pydantic's complaints says was broken: `must be at least 200`."""
    if complaint["type"] in {"value_error", "assertion_error"}:
        return str(complaint["ctx"]["error"])
    template = _RULES.get(complaint["type"])
    if template is not None:
        return template.format_map({name: _plain(value) for name, value in complaint.get("ctx", {}).items()})
    return complaint["msg"].replace("Input should be", "must be").replace("Input should", "must")


def _plain(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def _walk(complaint: ErrorDetails, prefix: str, model: type[BaseModel] | None) -> tuple[str, set[str]]:
    """The field's dotted path, and the names that were known where its last part stands."""
    path, within, known = prefix, [model] if model else [], set[str]()
    parts = complaint["loc"]
    for position, part in enumerate(parts):
        if isinstance(part, int):
            path += f"[{part}]"
            continue
        fields = [_fields(kind) for kind in within]
        known = {name for names in fields for name in names}
        values = [argument for kind in within if get_origin(kind) is dict for argument in get_args(kind)[1:]]
        is_last = position == len(parts) - 1
        if within and not values and part not in known and (is_last != bool(known)):
            continue  # the name of a union's branch, which the user never wrote
        path += f".{part}" if path else part
        within = [kind for names in fields if part in names for kind in _kinds(names[part])]
        within += [kind for value in values for kind in _kinds(value)]
    return path, known


def _fields(kind: Any) -> dict[str, Any]:
    """The fields of a model or a TypedDict, each with its annotation; none for anything else."""
    if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return get_type_hints(kind) if is_typeddict(kind) else {}


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, out of unions, lists and tuples; a dict is one.

    A model's subclasses are among them: where they are named by a `type`, the model stands for all.
    """
    if get_origin(annotation) in (None, dict):
        yield annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for kind in annotation.__subclasses__():
                yield from _kinds(kind)
    else:
        for argument in get_args(annotation):
            yield from _kinds(argument)
