"""Short ways to write the dimensions of a search space."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def one_of(name: str, *values: Any, when: Spec | None = None) -> Spec:
    """A categorical dimension."""
    return _with({"name": name, "type": "categorical", "values": list(values)}, when)


def whole(name: str, low: int, high: int, *, log: bool = False, when: Spec | None = None) -> Spec:
    """An integer dimension."""
    return _with({"name": name, "type": "integer", "min": low, "max": high, "log_scale": log}, when)


def real(name: str, low: float, high: float, *, log: bool = False, when: Spec | None = None) -> Spec:
    """A real dimension."""
    return _with({"name": name, "type": "real", "min": low, "max": high, "log_scale": log}, when)


def is_(name: str, value: Any) -> Spec:
    """The statement that a field has a value."""
    return {"field": name, "operator": "equals", "value": value}


def among(name: str, *values: Any) -> Spec:
    """The statement that a field has one of these values."""
    return {"field": name, "operator": "in", "value": list(values)}


def below(name: str, value: float) -> Spec:
    """The statement that a field is less than a value."""
    return {"field": name, "operator": "less_than", "value": value}


def fault(
    prefix: str, services: list[str], *, delay_ms: tuple[int, int], statuses: list[int], least: int = 5
) -> list[Spec]:
    """The five dimensions that most faults have: type, service, percentage, and delay or status by the type.

    Args:
        least: the lowest percentage.
    """
    kind = f"{prefix}fault_type"
    return [
        one_of(kind, "delay", "abort"),
        one_of(f"{prefix}target_service", *services),
        whole(f"{prefix}percentage", least, 100),
        whole(f"{prefix}delay_ms", *delay_ms, log=True, when=is_(kind, "delay")),
        one_of(f"{prefix}abort_status_code", *statuses, when=is_(kind, "abort")),
    ]


def _with(spec: Spec, when: Spec | None) -> Spec:
    return spec if when is None else {**spec, "condition": when}
