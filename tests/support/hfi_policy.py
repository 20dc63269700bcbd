"""The policy rules of the HFI wire, kept strictly: what it forbids is refused, what it does not know is ignored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{1,61}[A-Za-z0-9_]")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_GO_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNIT_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_OPERATORS = ("exact", "prefix", "regex")


class RefusedError(Exception):
    """The policy breaks a rule; the message says which."""


@dataclass(frozen=True)
class Fault:
    """One rule in force, as the control plane understood it."""

    name: str
    service: str
    method: tuple[str, str] | None
    path: tuple[str, str] | None
    headers: tuple[tuple[str, str, str], ...]
    percentage: int
    start_delay_ms: int
    duration_seconds: int
    delay_ms: float | None
    abort_status: int | None

    def hits(self, method: str, path: str, service: str) -> bool:
        """Whether a request of that method and path to that service is concerned; headers are not looked at."""
        return (
            self.service in ("*", "", service)
            and (self.method is None or _matches(self.method, method))
            and (self.path is None or _matches(self.path, path))
        )


def read_policy(document: Any, *, delay_field: str) -> list[Fault]:
    """The policy's rules.

    Args:
        document: the JSON body.
        delay_field: `fixed_delay` as older control planes read it, or `fixed_delay_ms` as newer ones do.

    Raises:
        RefusedError: the wire forbids it.
    """
    metadata = _object(document, "metadata")
    name = metadata.get("name")
    _require(isinstance(name, str) and _NAME.fullmatch(name), f"metadata.name is invalid: {name!r}")
    version = metadata.get("version")
    _require(isinstance(version, str) and _VERSION.fullmatch(version), f"metadata.version is invalid: {version!r}")
    spec = _object(document, "spec")
    selector = spec.get("selector") or {}
    _require(isinstance(selector, dict), "spec.selector must be an object")
    service = selector.get("service", "*")
    _require(isinstance(service, str), "spec.selector.service must be a string")
    rules = spec.get("rules")
    _require(isinstance(rules, list) and rules, "spec.rules must have at least one rule")
    return [_read_rule(name, service, rule, delay_field) for rule in rules]


def _read_rule(name: str, service: str, rule: Any, delay_field: str) -> Fault:
    match, fault = _object(rule, "match"), _object(rule, "fault")
    method = _condition(match["method"], "method") if "method" in match else None
    path = _condition(match["path"], "path") if "path" in match else None
    headers = _headers(match.get("headers") or [])
    _require(method or path or headers, "match needs at least one condition")
    delay_ms = _delay(fault.get("delay"), delay_field)
    abort = fault.get("abort")
    abort_status = None if abort is None else _integer(abort, "httpStatus", 200, 599)
    _require(delay_ms is not None or abort_status is not None, "fault needs at least one action")
    return Fault(
        name=name,
        service=service,
        method=method,
        path=path,
        headers=headers,
        percentage=_integer(fault, "percentage", 0, 100),
        start_delay_ms=_integer(fault, "start_delay_ms", 0, 10**9, default=0),
        duration_seconds=_integer(fault, "duration_seconds", 0, 10**9, default=0),
        delay_ms=delay_ms,
        abort_status=abort_status,
    )


def _delay(delay: Any, delay_field: str) -> float | None:
    if delay is None:
        return None
    _require(isinstance(delay, dict), "delay must be an object")
    if delay_field not in delay:
        return None
    if delay_field == "fixed_delay_ms":
        return float(min(_integer(delay, "fixed_delay_ms", 0, 10**9), 30_000))
    text = delay["fixed_delay"]
    _require(isinstance(text, str) and _GO_DURATION.fullmatch(text), f"fixed_delay is no duration: {text!r}")
    return sum(float(number) * _UNIT_MS[unit] for number, unit in _GO_PART.findall(text))


def _condition(condition: Any, what: str) -> tuple[str, str]:
    _require(isinstance(condition, dict), f"match.{what} must be an object")
    given = [(operator, condition[operator]) for operator in _OPERATORS if operator in condition]
    _require(len(given) == 1, f"match.{what} needs one of exact, prefix, regex")
    operator, value = given[0]
    _require(isinstance(value, str) and value, f"match.{what}.{operator} must be a string that is not empty")
    if operator == "regex":
        try:
            re.compile(value)
        except re.error as error:
            raise RefusedError(f"match.{what}.regex: {error}") from None
    return operator, value


def _headers(headers: Any) -> tuple[tuple[str, str, str], ...]:
    _require(isinstance(headers, list), "match.headers must be a list")
    read = []
    for header in headers:
        _require(isinstance(header, dict) and isinstance(header.get("name"), str), "a header needs a name")
        read.append((header["name"], *_condition(header, "headers")))
    return tuple(read)


def _integer(holder: Any, name: str, low: int, high: int, default: int | None = None) -> int:
    _require(isinstance(holder, dict), f"{name} must be in an object")
    value = holder.get(name, default)
    _require(type(value) is int, f"{name} must be an integer, got {value!r}")
    _require(low <= value <= high, f"{name} must be {low}..{high}, got {value}")
    return value


def _object(holder: Any, name: str) -> dict[str, Any]:
    _require(isinstance(holder, dict) and isinstance(holder.get(name), dict), f"{name} must be an object")
    return holder[name]


def _require(holds: Any, rule: str) -> None:
    if not holds:
        raise RefusedError(rule)


def _matches(condition: tuple[str, str], text: str) -> bool:
    operator, value = condition
    if operator == "exact":
        return text == value
    return text.startswith(value) if operator == "prefix" else re.search(value, text) is not None
