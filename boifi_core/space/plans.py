"""From a point to the faults that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from boifi_core.errors import InvalidInput
from boifi_core.faults import kinds
from boifi_core.faults.kinds import KINDS, PlanField
from boifi_core.faults.plan import FaultPlan
from boifi_core.space.expressions import complaint_of
from boifi_core.space.limits import MOST_FAULTS, check_count


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

    @cached_property
    def known(self) -> PlanField | None:
        """What must be known of the field beside its type, if anything."""
        return kinds.field_of(self.field)

    @property
    def null_is_none(self) -> bool:
        """Whether null says that there is no fault; elsewhere it says: as if not given."""
        return self.field == "fault_type" or (self.known is not None and self.known.zero_is_none)

    def scaled(self, value: Any) -> Any:
        """The value in the field's own unit."""
        return value if self.known is None else self.known.scaled(self.word, value)

    def converted(self, value: Any) -> Any:
        """The value as a plan has it: in the field's own unit, and whole where that is due."""
        return value if self.known is None else self.known.rounded(self.scaled(value))

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
    by_prefix: dict[str, dict[tuple[str, str], Source]] = {}
    for name in names:
        prefix, _, word = name.partition(".") if "." in name else ("", "", name)
        source = _source(name, word)
        mine = by_prefix.setdefault(prefix, {})
        twin = mine.setdefault(source.target, source)
        if twin is not source:
            raise InvalidInput(field, f"{twin.name} and {source.name} are the same field of a fault; give one of them")
    shared = by_prefix.pop("", {})
    check_count(by_prefix, MOST_FAULTS, field, "faults at once")
    if not by_prefix:
        by_prefix[""] = {}
    found = tuple(Group(prefix, (*shared.values(), *mine.values())) for prefix, mine in by_prefix.items())
    for group in found:
        if not group.of("fault_type"):
            rule = "must have a fault_type, as a dimension or in fixed"
            raise InvalidInput(field, f"the fault {group.prefix} {rule}" if group.prefix else rule)
    return found


def build_plans(found: Iterable[Group], values: Mapping[str, Any]) -> tuple[FaultPlan, ...]:
    """The plans of a point with its fixed fields; a fault of type none, or of a delay of 0 ms, is left out.

    Raises:
        InvalidInput: the values do not make a plan.
    """
    return tuple(each_plan(found, values))


def each_plan(found: Iterable[Group], values: Mapping[str, Any]) -> Iterator[FaultPlan]:
    """The same one by one, for who may need no more than the first."""
    plans = (_plan(group, values) for group in found)
    return (plan for plan in plans if plan is not None)


def is_no_fault(fault_type: Any) -> bool:
    """Whether a fault_type says that there is none: `none`, or the null and false that YAML makes of some words."""
    return fault_type is None or fault_type is False or (isinstance(fault_type, str) and fault_type.lower() == "none")


def check_value(source: Source, value: Any, where: str) -> None:
    """Refuse a value that no plan can have in this field.

    Raises:
        InvalidInput: at `where`, with the dimension's name.
    """
    name, field, known = source.name, source.field, source.known
    if source.is_parameter or value is None or (field == "fault_type" and is_no_fault(value)):
        return
    if field == "fault_type":
        _check_fault_type(name, value, where)
        return
    if known is not None and known.is_number and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise InvalidInput(where, f"{name} must be a number", value)
    if field == "target_path" and not str(value).startswith(("/", "^")):
        raise InvalidInput(
            where, f"{name} must be a prefix that begins with /, or an expression that begins with ^", value
        )
    _check_expressions(name, field, value, where)
    converted = source.converted(value)
    if source.null_is_none and converted == 0:
        return
    try:
        FaultPlan.read(kinds.with_field(field, converted))
    except InvalidInput as error:
        raise InvalidInput(where, f"{name} {error.rule}", value) from None


def _check_expressions(name: str, field: str, value: Any, where: str) -> None:
    """What begins with ^ is a regular expression, of a path as of a header."""
    texts = value.values() if field == "headers" and isinstance(value, Mapping) else [value]
    for text in texts if field in ("target_path", "headers") else ():
        if isinstance(text, str) and text.startswith("^") and (problem := complaint_of(text)):
            raise InvalidInput(where, f"{name} {problem}", text)


def _check_fault_type(name: str, value: Any, where: str) -> None:
    if kinds.name_of(value) is None:
        raise InvalidInput(where, f"{name} must be one of {', '.join(KINDS)} or none", value)


def _source(name: str, word: str) -> Source:
    known = kinds.field_of(word)
    field = word if known is None else known.name
    return Source(name, field if field in FaultPlan.model_fields else "parameters", word)


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
        elif value is not None or source.null_is_none:
            data[source.field] = source.converted(value)
    if is_no_fault(data.get("fault_type")) or _is_zero(data):
        return None
    try:
        return FaultPlan.read({**data, "parameters": parameters} if parameters else data)
    except InvalidInput as error:
        name = f"{group.prefix}.fault_type" if group.prefix else "fault_type"
        raise InvalidInput(name, error.rule, data["fault_type"]) from None


def _is_zero(data: Mapping[str, Any]) -> bool:
    """Whether a field of the fault's kind says that there is none, as a delay of 0 ms does."""
    name = kinds.name_of(data["fault_type"])
    own = () if name is None else KINDS[name].fields
    return any(field.zero_is_none and field.name in data and data[field.name] in (0, None) for field in own)
