"""A policy of the HFI wire, read strictly: what the real control plane refuses is refused here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_DELAY_MS = 30_000
MAX_RULES = 8
"""Rules of one policy, and faults at a time: the mesh has that many slots."""

_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{3,63}(?<!-)")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_KINDS = ("exact", "prefix", "regex")


class PolicyRefused(ValueError):
    """The policy is not one; the message is the `error` of a 400."""


@dataclass(frozen=True)
class Match:
    """One condition on a header, or on `:method` or `:path`. `kind` is exact, prefix or regex (found anywhere)."""

    header: str
    kind: str
    value: str


@dataclass(frozen=True)
class Rule:
    """One fault: for which requests, to what share of them, and what is done.

    `service` None means every service. A request that is hit waits `start_delay_ms` + `delay_ms`, then gets
    `abort_status` for an answer if there is one.
    """

    service: str | None
    matches: tuple[Match, ...]
    percentage: int
    start_delay_ms: int
    delay_ms: int
    abort_status: int | None


@dataclass(frozen=True)
class Policy:
    """Rules under a name; `duration_s` above 0 is the time after which they end by themselves."""

    name: str
    rules: tuple[Rule, ...]
    duration_s: int


def parse_policy(data: Any) -> Policy:
    """Read a policy; fields that are not known are passed over.

    Raises:
        PolicyRefused: says which field breaks which rule.
    """
    metadata = _object(_object(data, "policy").get("metadata"), "metadata")
    name = _text(metadata.get("name"), "metadata.name")
    if not _NAME.fullmatch(name):
        raise PolicyRefused("metadata.name: 3 to 63 of letters, digits, - and _, no - at either end")
    if not _VERSION.fullmatch(_text(metadata.get("version"), "metadata.version")):
        raise PolicyRefused("metadata.version: must be x.y.z")
    spec = _object(data.get("spec"), "spec")
    service = _service(spec)
    rules = spec.get("rules")
    if not isinstance(rules, list) or not rules:
        raise PolicyRefused("spec.rules: at least one rule is needed")
    if len(rules) > MAX_RULES:
        raise PolicyRefused(f"spec.rules: at most {MAX_RULES} rules")
    parsed = [_rule(_object(rule, f"spec.rules[{i}]"), service, f"spec.rules[{i}]") for i, rule in enumerate(rules)]
    # One expiry for the whole policy: the first of its rules to end takes the policy with it.
    ends = [duration_s for _, duration_s in parsed if duration_s]
    return Policy(name, tuple(rule for rule, _ in parsed), min(ends, default=0))


def _service(spec: Mapping[str, Any]) -> str | None:
    selector = _object(spec.get("selector") or {}, "spec.selector")
    service = selector.get("service")
    if service in (None, "", "*"):
        return None
    return _text(service, "spec.selector.service")


def _rule(rule: Mapping[str, Any], service: str | None, at: str) -> tuple[Rule, int]:
    fault = _object(rule.get("fault"), f"{at}.fault")
    delay_ms, abort_status = _delay(fault, f"{at}.fault"), _abort(fault, f"{at}.fault")
    if delay_ms is None and abort_status is None:
        raise PolicyRefused(f"{at}.fault: needs a delay or an abort")
    parsed = Rule(
        service=service,
        matches=_matches(_object(rule.get("match"), f"{at}.match"), f"{at}.match"),
        percentage=_whole(fault.get("percentage", 100), f"{at}.fault.percentage", 0, 100),
        start_delay_ms=_whole(fault.get("start_delay_ms", 0), f"{at}.fault.start_delay_ms", 0, MAX_DELAY_MS),
        delay_ms=delay_ms or 0,
        abort_status=abort_status,
    )
    return parsed, _whole(fault.get("duration_seconds", 0), f"{at}.fault.duration_seconds", 0, 86_400)


def _matches(match: Mapping[str, Any], at: str) -> tuple[Match, ...]:
    found = [
        _match(f":{field}", _object(match[field], f"{at}.{field}"), f"{at}.{field}")
        for field in ("method", "path")
        if match.get(field) is not None
    ]
    headers = match.get("headers") or []
    if not isinstance(headers, list):
        raise PolicyRefused(f"{at}.headers: must be a list")
    for index, entry in enumerate(headers):
        place = f"{at}.headers[{index}]"
        entry = _object(entry, place)
        found.append(_match(_text(entry.get("name"), f"{place}.name").lower(), entry, place))
    if not found:
        raise PolicyRefused(f"{at}: at least one of method, path or a header is needed")
    return tuple(found)


def _match(header: str, condition: Mapping[str, Any], at: str) -> Match:
    for kind in _KINDS:
        if condition.get(kind) is not None:
            value = _text(condition[kind], f"{at}.{kind}")
            if kind == "regex":
                _check_regex(value, f"{at}.regex")
            return Match(header, kind, value)
    raise PolicyRefused(f"{at}: needs exact, prefix or regex")


def _check_regex(pattern: str, at: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise PolicyRefused(f"{at}: {error}") from None


def _delay(fault: Mapping[str, Any], at: str) -> int | None:
    if fault.get("delay") is None:
        return None
    delay = _object(fault["delay"], f"{at}.delay")
    if delay.get("fixed_delay_ms") is not None:
        delay_ms = _whole(delay["fixed_delay_ms"], f"{at}.delay.fixed_delay_ms", 0, None)
    elif delay.get("fixed_delay") is not None:
        delay_ms = _go_duration_ms(_text(delay["fixed_delay"], f"{at}.delay.fixed_delay"), f"{at}.delay.fixed_delay")
    else:
        raise PolicyRefused(f"{at}.delay: needs fixed_delay or fixed_delay_ms")
    return min(delay_ms, MAX_DELAY_MS)


def _abort(fault: Mapping[str, Any], at: str) -> int | None:
    if fault.get("abort") is None:
        return None
    abort = _object(fault["abort"], f"{at}.abort")
    return _whole(abort.get("httpStatus"), f"{at}.abort.httpStatus", 200, 599)


def _go_duration_ms(text: str, at: str) -> int:
    if text == "0":
        return 0
    parts = list(_DURATION_PART.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        raise PolicyRefused(f"{at}: must be a duration such as 500ms or 1.5s")
    return round(sum(float(part[1]) * _UNIT_MS[part[2]] for part in parts))


def _object(value: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PolicyRefused(f"{at}: must be an object")
    return value


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str) or not value:
        raise PolicyRefused(f"{at}: must be a text")
    return value


def _whole(value: Any, at: str, low: int, high: int | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PolicyRefused(f"{at}: must be a whole number")
    if value < low or (high is not None and value > high):
        raise PolicyRefused(f"{at}: must be {low}..{high}" if high is not None else f"{at}: must be at least {low}")
    return value
