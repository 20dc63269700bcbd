"""Faults as Envoy routes: a pure function from the rules in force to the file that Envoy watches.

Each rule takes one of the fault filters that the listeners hold empty (`SLOTS`). A slot has its own matcher, so rules
neither shadow one another nor touch the routes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from demo.mesh.policy import Match, Rule
from demo.mesh.spans import PORT

SLOTS = 8
ROUTES = "mesh"
"""The name of the route configuration."""

PLAN_PATH = "/.boifi/plan"
"""Answered by Envoy itself, with the version in force in `PLAN_HEADER`; no fault applies to it."""

PLAN_HEADER = "x-boifi-plan"
ROLL_HEADER = "x-boifi-roll"
"""A random UUID that every hop gives every request; faults with two actions take their share by its digits."""

_NO_PAGES_HOST = r"[^.]*|[0-9.]+(:[0-9]+)?"
"""Names without a dot and addresses, with or without a port."""

_TYPES = "type.googleapis.com/envoy"
FAULT_TYPE = f"{_TYPES}.extensions.filters.http.fault.v3.HTTPFault"

# Where three random hexadecimal digits stand together in a UUID, clear of dashes, version and variant.
_ROLL_OFFSETS = (0, 3, 9, 15, 20, 24, 27, 30)
_ROLLS = 16**3


def slot_name(slot: int) -> str:
    """The filter's name of slot 0 to `SLOTS` - 1."""
    return f"boifi.f{slot}"


def route_file(version: str, rules: Sequence[Rule], services: Collection[str], entry: str) -> dict[str, Any]:
    """The content of the watched file: routes to every service, and the rules in the slots.

    Args:
        version: proved on the wire in `PLAN_HEADER` of every answer.
        rules: at most `SLOTS`.
        services: a request's Host names the service.
        entry: the service that takes requests for any other host, except those that web pages send.
    """
    return {
        "version_info": version,
        "resources": [
            {
                "@type": f"{_TYPES}.config.route.v3.RouteConfiguration",
                "name": ROUTES,
                "response_headers_to_add": [
                    {
                        "header": {"key": PLAN_HEADER, "value": version},
                        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                    }
                ],
                "request_headers_to_remove": [ROLL_HEADER],
                "typed_per_filter_config": {
                    slot_name(slot): fault_filter(slot, rule) for slot, rule in enumerate(rules)
                },
                "virtual_hosts": [_virtual_host(service, is_entry=service == entry) for service in sorted(services)],
            }
        ],
    }


def _virtual_host(service: str, *, is_entry: bool) -> dict[str, Any]:
    to_service = {
        "match": {"prefix": "/"},
        # No time-out of its own: how long a caller waits is the caller's affair.
        "route": {"cluster": service, "timeout": "0s"},
    }
    routes = [*(_pages_refused() if is_entry else ()), _plan_route(), to_service]
    return {"name": service, "domains": ["*"] if is_entry else [service, f"{service}:{PORT}"], "routes": routes}


def _plan_route() -> dict[str, Any]:
    return _answered_here({"path": PLAN_PATH}, 204)


def _pages_refused() -> list[dict[str, Any]]:
    """As `boifi_core.wire.web_pages` tells pages from programs: the shop is measured by its programs' requests."""
    is_page = [
        {"name": "origin", "present_match": True},
        _string_matcher("sec-fetch-site", {"safe_regex": {"regex": "cross-site|same-site|same-origin"}}),
        {**_string_matcher(":authority", {"safe_regex": {"regex": _NO_PAGES_HOST}}), "invert_match": True},
    ]
    return [_answered_here({"prefix": "/", "headers": [header]}, 403) for header in is_page]


def _answered_here(match: dict[str, Any], status: int) -> dict[str, Any]:
    """Answered by Envoy itself, without a span and without a fault."""
    disabled = {"@type": f"{_TYPES}.config.route.v3.FilterConfig", "disabled": True}
    return {
        "match": match,
        "direct_response": {"status": status},
        "tracing": {name: {"numerator": 0} for name in ("client_sampling", "random_sampling", "overall_sampling")},
        "typed_per_filter_config": {slot_name(slot): disabled for slot in range(SLOTS)},
    }


def fault_filter(slot: int, rule: Rule) -> dict[str, Any]:
    """The configuration of one slot.

    Envoy rolls the dice for a delay and for an abort apart. Where a rule has both and a share below all, the share is
    taken by the digits of `ROLL_HEADER` instead, so that the same requests get both.
    """
    wait_ms = rule.start_delay_ms + rule.delay_ms
    headers = [_header_matcher(match) for match in rule.matches]
    share = rule.percentage
    if wait_ms and rule.abort_status is not None and 0 < share < 100:
        headers.append(_string_matcher(ROLL_HEADER, {"safe_regex": {"regex": _roll_below(slot, share)}}))
        share = 100
    percentage = {"numerator": share, "denominator": "HUNDRED"}
    config: dict[str, Any] = {"@type": FAULT_TYPE, "headers": headers}
    if rule.service is not None:
        config["upstream_cluster"] = rule.service
    if wait_ms:
        config["delay"] = {"fixed_delay": f"{wait_ms / 1000:.3f}s", "percentage": percentage}
    if rule.abort_status is not None:
        config["abort"] = {"http_status": rule.abort_status, "percentage": percentage}
    return config


def _header_matcher(match: Match) -> dict[str, Any]:
    if match.kind == "regex":  # Envoy matches the whole value, HFI looks for the pattern in it
        return _string_matcher(match.header, {"safe_regex": {"regex": f".*(?:{match.value}).*"}})
    if match.kind == "exact" and match.header == ":path":  # Envoy's :path has the query in it
        return _string_matcher(match.header, {"safe_regex": {"regex": re.escape(match.value) + r"(?:\?.*)?"}})
    return _string_matcher(match.header, {match.kind: match.value})


def _string_matcher(header: str, condition: dict[str, Any]) -> dict[str, Any]:
    return {"name": header, "string_match": condition}


def _roll_below(slot: int, percentage: int) -> str:
    """A pattern that `percentage` of all UUIDs match; the slots look at different digits."""
    return f".{{{_ROLL_OFFSETS[slot]}}}(?:{hex_below(round(percentage * _ROLLS / 100))}).*"


def hex_below(limit: int) -> str:
    """A pattern of the three-digit hexadecimal numbers below `limit`, 1 to 4095."""
    high, middle, low = list(f"{limit:03x}")
    parts = [
        _below(high) + ".." if high != "0" else "",
        high + _below(middle) + "." if middle != "0" else "",
        high + middle + _below(low) if low != "0" else "",
    ]
    return "|".join(part for part in parts if part)


def _below(digit: str) -> str:
    digits = "0123456789abcdef"
    return "[" + digits[: digits.index(digit)] + "]"
