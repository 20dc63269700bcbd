"""From a point to the faults that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from boifi_core.errors import InvalidInput
from boifi_core.faults.plan import OTHER_NAMES, FaultPlan, FaultType, seconds_to_ms

_PLAN_FIELDS = frozenset(FaultPlan.model_fields)
_WHOLE = frozenset({"delay_ms", "abort_status_code", "duration_seconds", "start_delay_ms"})
_NUMBERS = _WHOLE | {"percentage"}
_NULL_IS_NONE = frozenset({"fault_type", "delay_ms"})
"""Fields in which null says that there is no fault; in others it says: as if not given."""


@dataclass(frozen=True)
class Source:
    """Where one field of a plan comes from.

    Attributes:
        name: the dimension or fixed field, as in the point.
        field: the plan's field; `parameters` for what is no field of it.
        word: the name without its prefix, as the user wrote it.
    """

    name: str
    field: str
    word: str

    @property
    def is_parameter(self) -> bool:
        """Whether it is one entry of `parameters`."""
        return self.field == "parameters" and self.word != "parameters"

    @property
    def target(self) -> tuple[str, str]:
        """What it fills; two sources of one fault must not fill the same."""
        return (self.field, self.word if self.is_parameter else "")


@dataclass(frozen=True)
class Group:
    """One fault of the space: its sources, those shared by all faults first, its own after them."""

    prefix: str
    sources: tuple[Source, ...]

    def of(self, field: str) -> list[Source]:
        """What can fill one field of the plan."""
        return [source for source in self.sources if source.field == field]


def groups(names: Iterable[str], field: str) -> tuple[Group, ...]:
    """The faults that these dimensions and fixed fields make: one for each prefix, or one if there is none.

    Raises:
        InvalidInput: two names fill the same field of one fault, or a fault has no fault_type.
    """
    by_prefix: dict[str, list[Source]] = {}
    for name in names:
        prefix, _, word = name.partition(".") if "." in name else ("", "", name)
        source = _source(name, word)
        mine = by_prefix.setdefault(prefix, [])
        twin = next((other for other in mine if other.target == source.target), None)
        if twin is not None:
            raise InvalidInput(field, f"{twin.name} and {source.name} are the same field of a fault; give one of them")
        mine.append(source)
    shared = by_prefix.pop("", [])
    if not by_prefix:
        by_prefix[""] = []
    found = tuple(Group(prefix, (*shared, *mine)) for prefix, mine in by_prefix.items())
    for group in found:
        if not group.of("fault_type"):
            rule = "must have a fault_type, as a dimension or in fixed"
            raise InvalidInput(field, f"the fault {group.prefix} {rule}" if group.prefix else rule)
    return found


def build_plans(found: Iterable[Group], values: Mapping[str, Any]) -> tuple[FaultPlan, ...]:
    """The plans of a point with its fixed fields; a fault of type none and a delay of 0 ms are left out.

    Raises:
        InvalidInput: the values do not make a plan.
    """
    plans = (_plan(group, values) for group in found)
    return tuple(plan for plan in plans if plan is not None)


def is_no_fault(fault_type: Any) -> bool:
    """Whether a fault_type says that there is none: `none`, or the null and false that YAML makes of some words."""
    return fault_type is None or fault_type is False or (isinstance(fault_type, str) and fault_type.lower() == "none")


def check_value(source: Source, value: Any, where: str) -> None:
    """Refuse a value that no plan can have in this field.

    Raises:
        InvalidInput: at `where`, with the dimension's name.
    """
    name, field = source.name, source.field
    if source.is_parameter or value is None or (field == "fault_type" and is_no_fault(value)):
        return
    if field == "fault_type":
        _check_fault_type(name, value, where)
        return
    if field in _NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise InvalidInput(where, f"{name} must be a number", value)
    if field == "target_path" and not str(value).startswith(("/", "^")):
        raise InvalidInput(
            where, f"{name} must be a prefix that begins with /, or an expression that begins with ^", value
        )
    converted = _converted(source, value)
    if field == "delay_ms" and converted == 0:
        return
    reader = {"delay_ms": FaultType.DELAY, "error_message": FaultType.ERROR_INJECTION}.get(field, FaultType.ABORT)
    try:
        FaultPlan.read({"fault_type": reader, field: converted})
    except InvalidInput as error:
        raise InvalidInput(where, f"{name} {error.rule}", value) from None


def _check_fault_type(name: str, value: Any, where: str) -> None:
    known = [kind.value for kind in FaultType]
    if not isinstance(value, str) or value.lower() not in known:
        raise InvalidInput(where, f"{name} must be one of {', '.join(known)} or none", value)


def _source(name: str, word: str) -> Source:
    if word in OTHER_NAMES:
        return Source(name, OTHER_NAMES[word], word)
    if word == "delay_seconds":
        return Source(name, "delay_ms", word)
    return Source(name, word if word in _PLAN_FIELDS else "parameters", word)


def _plan(group: Group, values: Mapping[str, Any]) -> FaultPlan | None:
    data: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for source in group.sources:
        if source.name not in values:
            continue
        value = values[source.name]
        if source.is_parameter:
            parameters[source.word] = value
        elif source.word == "parameters":
            parameters |= value or {}
        elif value is not None or source.field in _NULL_IS_NONE:
            data[source.field] = _converted(source, value)
    if is_no_fault(data.get("fault_type")):
        return None
    if FaultType(data["fault_type"]) is FaultType.DELAY and data.get("delay_ms", 1) in (0, None):
        return None
    try:
        return FaultPlan.read({**data, "parameters": parameters} if parameters else data)
    except InvalidInput as error:
        name = f"{group.prefix}.fault_type" if group.prefix else "fault_type"
        raise InvalidInput(name, error.rule, data["fault_type"]) from None


def _converted(source: Source, value: Any) -> Any:
    if source.word == "delay_seconds":
        return seconds_to_ms(value)
    return round(value) if source.field in _WHOLE and isinstance(value, float) else value
