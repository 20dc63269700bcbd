"""Whether an injector can express every fault of a space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from boifi_core.errors import InvalidInput
from boifi_core.faults import kinds
from boifi_core.faults.kinds import COMMON, ERROR_MESSAGE, KINDS, PERCENTAGE, PlanField
from boifi_core.faults.sending import Sending
from boifi_core.space.condition import is_number
from boifi_core.space.plans import Group, Source, is_no_fault
from boifi_core.space.space import SearchSpace

if TYPE_CHECKING:
    from boifi_core.injectors.base import Capabilities


def check_expressible(space: SearchSpace, capabilities: Capabilities) -> list[str]:
    """Refuse a space that asks more of the injector than it can do; return warnings, one line each.

    Raises:
        InvalidInput: a fault type, a delay or `parameters` that the injector cannot express, with the dimension's name.
    """
    warnings: list[str] = []
    for group in space.groups:
        names = _check_fault_types(space, group, capabilities)
        read = {own for name in names for own in KINDS[name].fields}
        for wait in (own for own in read if own.is_wait):
            _check_waits(space, group, wait, capabilities)
        for source in group.of("parameters") if names and not capabilities.parameters else []:
            rule = "is no field of a fault plan, and this injector takes no parameters of its own"
            raise InvalidInput(f"search_space.{source.name}", rule)
        warnings += _changed(space, group, read, capabilities.sending) if names else []
        if ERROR_MESSAGE in read and not capabilities.error_message:
            warnings += [
                f"search_space.{source.name}: this injector cannot set an error message; it is dropped"
                for source in group.of(ERROR_MESSAGE.name)
            ]
    return list(dict.fromkeys(warnings))


def _changed(space: SearchSpace, group: Group, read: set[PlanField], sending: Sending) -> list[str]:
    """A line for each dimension or fixed field whose numbers are sent as others.

    Raises:
        InvalidInput: all of them are percentages below the least that the injector knows.
    """
    told: list[str] = []
    for field in sorted({*COMMON, *read}, key=lambda field: field.name):
        for source in _winners(space, group, field.name) if field.is_number else []:
            if source.word != field.name:
                continue  # of a larger unit, which has no numbers that are whole
            values = [value for value in _values(space, source) if is_number(value)]
            if field is PERCENTAGE and values and 0 < max(values) < sending.percentage_grain:
                least = f"{sending.percentage_grain:g}"
                rule = f"must reach {least}: this injector sends whatever is less as {least} %"
                raise InvalidInput(f"search_space.{source.name}", rule, max(values))
            told += _rounded(space, source, field, values, sending)
    return told


def _rounded(
    space: SearchSpace, source: Source, field: PlanField, values: Sequence[float], sending: Sending
) -> Iterator[str]:
    """What becomes of the first number that is not sent as it is; where it may lie anywhere, that it is rounded."""
    unit = f" {field.unit}" if field.unit else ""
    for value in values:
        converted = source.converted(value)
        sent = sending.percentage(converted) if field is PERCENTAGE else converted
        if sent != value:
            yield f"search_space.{source.name}: {value:g} is sent as {sent:g}{unit}"
            return
    is_rounded = field.is_whole or (field is PERCENTAGE and sending.percentage_grain > 0)
    if is_rounded and source.name not in space.fixed and space.dimension(source.name).type == "real":
        yield f"search_space.{source.name}: is sent in whole numbers; what lies between is rounded"


def target_services(space: SearchSpace) -> set[object]:
    """The services that a fault of this space may name."""
    found = {
        value for group in space.groups for source in group.of("target_service") for value in _values(space, source)
    }
    return found - {None, ""}


def _check_fault_types(space: SearchSpace, group: Group, capabilities: Capabilities) -> set[str]:
    names: set[str] = set()
    for source in _winners(space, group, "fault_type"):
        for value in _values(space, source):
            if is_no_fault(value):
                continue
            name = kinds.name_of(value)
            if name is None or name not in capabilities.fault_types:
                known = ", ".join(sorted(capabilities.fault_types))
                raise InvalidInput(f"search_space.{source.name}", f"this injector knows only {known}", value)
            names.add(name)
    return names


def _check_waits(space: SearchSpace, group: Group, wait: PlanField, capabilities: Capabilities) -> None:
    for source in _winners(space, group, wait.name):
        for value in _values(space, source):
            wait_ms = source.scaled(value)
            if wait_ms is not None and wait_ms > capabilities.max_delay_ms:
                rule = f"this injector delays by at most {capabilities.max_delay_ms} ms"
                raise InvalidInput(f"search_space.{source.name}", rule, value)


def _winners(space: SearchSpace, group: Group, name: str) -> list[Source]:
    """What can fill the field: a fault's own source hides the shared one, unless it can be absent."""
    sources = group.of(name)
    if not sources:
        return []
    own = sources[-1]
    is_always_there = own.name in space.fixed or space.dimension(own.name).condition is None
    return [own] if is_always_there else sources


def _values(space: SearchSpace, source: Source) -> tuple[Any, ...]:
    """What a source can take: its categories, its two bounds, or its fixed value."""
    if source.name in space.fixed:
        return (space.fixed[source.name],)
    return space.dimension(source.name).extremes
