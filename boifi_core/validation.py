"""What pydantic complains of, as one line for the person who wrote the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import is_typeddict

from boifi_core.errors import InvalidInput, hint

RULES = {
    "missing": "is required",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_unicode": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "invalid_key": "must be a name that is text",
    "invalid-json-value": "must be a value that JSON can hold",
    "path_type": "must be a file's path",
    "path_not_file": "must be a file that is there",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
}
"""Rule by pydantic's error type; `{…}` is filled from the error's context."""


OWN_RULE = "rule"
"""The type of a complaint that `boifi_core.value.complaint` makes."""


def invalid_input(
    error: ValidationError, prefix: str, model: type[BaseModel] | None = None, data: Any = None
) -> InvalidInput:
    """The first complaint of `error` as an `InvalidInput`: dotted field path, rule, value.

    Args:
        error: what pydantic raised.
        prefix: path of the validated value in the user's input, `analyzer`; empty when it is the whole.
        model: what was validated; with it an unknown key is answered with the nearest known name.
        data: what was validated, as its writer had it; with it the path has no names but the writer's.

    An `InvalidInput` that a validator raised is handed on as it is: it already names its field.
    """
    return invalid_inputs(error.errors(), prefix, model, data)[0]


def invalid_inputs(
    complaints: Iterable[ErrorDetails], prefix: str = "", model: type[BaseModel] | None = None, data: Any = None
) -> list[InvalidInput]:
    """All that pydantic complains of, one for each field; see `invalid_input`."""
    found: dict[tuple[Any, ...], list[ErrorDetails]] = {}
    for complaint in complaints:
        found.setdefault(_written(complaint, data), []).append(complaint)
    return [_told(path, alike, prefix, model) for path, alike in found.items()]


def _told(
    path: tuple[Any, ...], complaints: Sequence[ErrorDetails], prefix: str, model: type[BaseModel] | None
) -> InvalidInput:
    """What is wrong at one place; of several complaints each is of one of the kinds that the field takes."""
    complaint = complaints[0]
    cause = complaint.get("ctx", {}).get("error")
    if isinstance(cause, InvalidInput):
        return cause
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    field = f"{prefix}{field}".lstrip(".") or "input"
    if complaint["type"] == "extra_forbidden":
        return InvalidInput(field, f"unknown key{hint(str(path[-1]), _known(path, model))}")
    first, *others = dict.fromkeys(map(rule_of, complaints))
    rule = " or ".join([first, *(other.removeprefix("must be ") for other in others)])
    if complaint["loc"][-1:] == ("[key]",):
        rule = f"a key {rule}"
    if complaint["type"] == "missing" or isinstance(complaint["input"], (Mapping, BaseModel)):
        return InvalidInput(field, rule)
    return InvalidInput(field, rule, complaint["input"])


def refuse_booleans(data: Any, value: Any, path: str) -> None:
    """Return unless true or false was taken for a number: pydantic does, and YAML's `no`, `off`, `yes` are such.

    Args:
        data: what the user wrote.
        value: what was made of it.
        path: where it stands; empty where it is the whole.

    Raises:
        InvalidInput: it was.
    """
    if isinstance(data, bool):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise InvalidInput(path, RULES["int_type" if isinstance(value, int) else "float_type"], data)
    elif isinstance(data, Mapping):
        for name, each in data.items():
            if isinstance(value, Mapping):
                refuse_booleans(each, value.get(name), f"{path}.{name}".lstrip("."))
            elif isinstance(value, BaseModel):
                refuse_booleans(each, getattr(value, str(name), None), f"{path}.{name}".lstrip("."))
    elif isinstance(data, (list, tuple)) and isinstance(value, (list, tuple)):
        for number, (each, made) in enumerate(zip(data, value, strict=False)):
            refuse_booleans(each, made, f"{path}[{number}]")


def rule_of(complaint: ErrorDetails) -> str:
    """The rule that one of pydantic's complaints says was broken: `must be at least 200`."""
    if complaint["type"] in {"value_error", "assertion_error"}:
        return str(complaint["ctx"]["error"])
    template = RULES.get(complaint["type"])
    if template is None:
        return complaint["msg"] if complaint["type"] == OWN_RULE else "must be of another form"
    return template.format_map({name: _plain(value) for name, value in complaint.get("ctx", {}).items()})


def _plain(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def _written(complaint: ErrorDetails, data: Any) -> tuple[Any, ...]:
    """Where the complaint is, in the writer's own names: pydantic has names for the branches of a union among them."""
    if data is None:
        return complaint["loc"]
    path: list[Any] = []
    last = len(complaint["loc"]) - 1
    for position, part in enumerate(complaint["loc"]):
        is_entry = isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data)
        if is_entry or (isinstance(data, Mapping) and part in data):
            data = data[part]
        elif complaint["type"] != "missing" or position != last:
            continue
        path.append(part)
    return tuple(path)


def _known(path: Sequence[Any], model: type[BaseModel] | None) -> set[str]:
    """The names that are known where the last part of the path stands."""
    within: list[Any] = [model] if model else []
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        values = [argument for kind in within if get_origin(kind) is dict for argument in get_args(kind)[1:]]
        named = [fields[part] for fields in map(_fields, within) if part in fields]
        within = [kind for annotation in [*named, *values] for kind in _kinds(annotation)]
    return {name for kind in within for name in _fields(kind)}


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
