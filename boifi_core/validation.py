"""What pydantic complains of, as one line for the person who wrote the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import is_typeddict

from boifi_core.errors import InvalidInput, hint

_NUMBER, _WHOLE, _TRUTH, _LIST, _MAPPING = (
    "must be a number", "must be a whole number", "must be true or false", "must be a list", "must be a mapping",
)  # fmt: skip
_DATE, _TIME, _MOMENT, _SPAN = (
    "must be a date", "must be a time of day", "must be a date and time", "must be a length of time",
)  # fmt: skip
_FORM = "must be of another form"

RULES = {
    "missing": "is required",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": "must be a finite number",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "fraction_type": _NUMBER,
    "fraction_parsing": _NUMBER,
    "complex_type": _NUMBER,
    "complex_str_parsing": _NUMBER,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "none_required": "must be null",
    "string_type": "must be text",
    "string_sub_type": "must be text",
    "string_unicode": "must be text in UTF-8",
    "string_not_ascii": "must be ASCII",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "bytes_type": "must be text",
    "bytes_too_short": "must have at least {min_length} bytes",
    "bytes_too_long": "must have at most {max_length} bytes",
    "bytes_invalid_encoding": "must be encoded as {encoding}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "set_item_not_hashable": "must be no list and no mapping",
    "deque_type": _LIST,
    "named_tuple_type": _LIST,
    "iterable_type": _LIST,
    "iteration_error": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "frozen_dict_type": _MAPPING,
    "ordered_dict_type": _MAPPING,
    "counter_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "arguments_type": _MAPPING,
    "invalid_key": "must be a name that is text",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must have one of the types {expected_tags}",
    "union_tag_not_found": "must have a type",
    "json_invalid": "must be JSON",
    "json_type": "must be JSON",
    "invalid-json-value": "must be a value that JSON can hold",
    "recursion_loop": "must not contain itself",
    "recursion_depth_exceeded": "must not be nested so deep",
    "url_type": "must be a URL",
    "url_parsing": "must be a URL",
    "url_syntax_violation": "must be a URL",
    "url_too_long": "must have at most {max_length} characters",
    "url_scheme": "must be a URL that begins with {expected_schemes}",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "uuid_version": "must be a UUID",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "date_past": "must be a date in the past",
    "date_future": "must be a date to come",
    "time_type": _TIME,
    "time_parsing": _TIME,
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_past": "must be a moment in the past",
    "datetime_future": "must be a moment to come",
    "timezone_naive": "must have no time zone",
    "timezone_aware": "must have a time zone",
    "timezone_offset": "must have another time zone",
    "time_delta_type": _SPAN,
    "time_delta_parsing": _SPAN,
    "decimal_max_digits": "must have at most {max_digits} digits",
    "decimal_max_places": "must have at most {decimal_places} digits after the point",
    "decimal_whole_digits": "must have at most {whole_digits} digits before the point",
    "path_not_file": "must be a file",
    "path_not_directory": "must be a folder",
    "path_exists": "must not be there yet",
    "string_pattern_mismatch": _FORM,
    "value_error": _FORM,
    "assertion_error": _FORM,
}
"""Rule by pydantic's error type; `{…}` is filled from the error's context."""


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


def rule_of(complaint: ErrorDetails) -> str:
    """The rule that one of pydantic's complaints says was broken: `must be at least 200`."""
    if complaint["type"] in {"value_error", "assertion_error"}:
        return str(complaint["ctx"]["error"])
    template = RULES.get(complaint["type"])
    if template is None:
        return complaint["msg"]  # our own
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
