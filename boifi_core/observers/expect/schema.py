"""A JSON Schema that answers must keep to, from a file of the operator's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from boifi_core.errors import InvalidInput
from boifi_core.wire import bounded_json


class Schema:
    """What a file says that JSON must be like; its regular expressions end, and it is all that is read.

    Args:
        field: where the user named the file.

    Raises:
        InvalidInput: it is no JSON Schema.
    """

    def __init__(self, path: Path, field: str) -> None:
        import jsonschema_rs  # 0.1 s, which only those pay who have a schema

        try:
            schema = bounded_json.loads(path.read_bytes())
            self._validator = jsonschema_rs.validator_for(
                schema, pattern_options=jsonschema_rs.RegexOptions(), retriever=_refused
            )
        except OSError as error:
            raise InvalidInput(field, f"must be a file that can be read ({error.strerror})", str(path)) from None
        except jsonschema_rs.ValidationError as error:
            raise InvalidInput(field, f"must be a JSON Schema ({error.message[:200]})", str(path)) from None
        except ValueError as error:
            raise InvalidInput(field, str(error), str(path)) from None

    def problem(self, value: Any) -> str | None:
        """Where the value does not keep to it, and to which rule; None where it does."""
        try:
            error = next(self._validator.iter_errors(value), None)
        except ValueError:
            return "$: nested too deep"
        if error is None:
            return None
        where = "".join("[*]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
        rule = next((part for part in reversed(error.schema_path) if isinstance(part, str)), "")
        return f"${where[:200]} {rule}"


def _refused(_uri: str) -> Any:
    raise ValueError("nothing beside the file is read")
