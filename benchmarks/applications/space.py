"""The search space that goes with an application, and points of it that stand for given faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import Any

from benchmarks.applications.graph import reached_calls
from benchmarks.applications.model import Application, Cause
from boifi_core.space import SearchSpace

_STATUSES = ((500, 503), (429, 500, 503), (404, 500, 503), (404, 429, 500, 503))
_PAIRS = ("a.", "b.")


def space_for(made: Application, random: Random) -> dict[str, Any]:
    """As somebody would write it who knows the application's services and nothing of what is wrong with it.

    The first service, where customers come in, is left alone. A third of the applications allows two faults at once, a
    fifth is searched by paths.
    """
    asked = sorted({call.callee for call in reached_calls(made) if not call.is_message})
    prefixes: tuple[str, ...]
    if random.random() < 1 / 3:
        prefixes, where = _PAIRS, "target_service"
    else:
        prefixes, where = ("",), "target_path" if random.random() < 0.3 else "target_service"
    if where == "target_service":
        targets = sorted({made.service_of(number) for number in asked})
    else:
        lists = {made.operations[number].path for number in asked if made.operations[number].path.endswith("/list")}
        targets = sorted({f"/{made.service_of(number)}" for number in asked} | lists)
    longest_ms = max(call.timeout_ms for call in reached_calls(made) if not call.is_message)
    shared = {
        where: targets,
        "methods": random.choice(((), ("ALL", "GET"), ("ALL", "GET", "POST"))),
        "statuses": random.choice(_STATUSES),
        "least": random.choice((1, 5, 10)),
        "most_ms": next(limit for limit in (500, 1000, 2000, 3000, 5000, 10_000, 30_000) if limit >= 1.5 * longest_ms),
        "is_log": random.random() < 0.3,
    }
    return {"dimensions": [each for prefix in prefixes for each in _of_one(prefix, where, shared)]}


def _of_one(prefix: str, where: str, shared: dict[str, Any]) -> list[dict[str, Any]]:
    types = ["delay", "abort"] if prefix != _PAIRS[1] else ["none", "delay", "abort"]
    is_there = {"field": f"{prefix}fault_type", "operator": "not_equals", "value": "none"}
    more = {"condition": is_there} if "none" in types else {}

    def only(kind: str) -> dict[str, Any]:
        return {"field": f"{prefix}fault_type", "operator": "equals", "value": kind}

    found: list[dict[str, Any]] = [
        {"name": f"{prefix}fault_type", "type": "categorical", "values": types},
        {"name": f"{prefix}{where}", "type": "categorical", "values": shared[where], **more},
    ]
    if shared["methods"]:
        found.append(
            {"name": f"{prefix}target_method", "type": "categorical", "values": list(shared["methods"]), **more}
        )
    found.append({"name": f"{prefix}percentage", "type": "integer", "min": shared["least"], "max": 100, **more})
    delay: dict[str, Any] = {"name": f"{prefix}delay_ms", "type": "integer", "min": 10, "max": shared["most_ms"]}
    if shared["is_log"]:
        delay["log_scale"] = True
    statuses = {"name": f"{prefix}abort_status_code", "type": "categorical", "values": list(shared["statuses"])}
    return [*found, delay | {"condition": only("delay")}, statuses | {"condition": only("abort")}]


def points_for(space: SearchSpace, causes: Sequence[Cause], percentage: float) -> Iterator[dict[str, Any]]:
    """Points of the space whose faults are those that bring something out, the likeliest first."""
    prefixes = sorted({each.name.rpartition(".")[0] for each in space.dimensions})
    if len(causes) > len(prefixes):
        return
    by_name = {each.name: each for each in space.dimensions}
    ways = [
        list(_ways(by_name, f"{prefix}." if prefix else "", cause, percentage))
        for prefix, cause in zip(prefixes, causes, strict=False)
    ]
    rest = {f"{prefix}.fault_type": "none" for prefix in prefixes[len(causes) :]}
    for together in product(*ways):
        yield {name: value for way in together for name, value in way.items()} | rest


def _ways(by_name: dict[str, Any], prefix: str, cause: Cause, percentage: float) -> Iterator[dict[str, Any]]:
    base: dict[str, Any] = {f"{prefix}percentage": round(percentage)}
    if f"{prefix}target_service" in by_name:
        if cause.service not in by_name[f"{prefix}target_service"].values:
            return
        base[f"{prefix}target_service"] = cause.service
    else:
        paths = [path for path in by_name[f"{prefix}target_path"].values if cause.path.startswith(path)]
        if not paths:
            return
        base[f"{prefix}target_path"] = max(paths, key=len)
    methods: list[dict[str, Any]] = [{}]
    if f"{prefix}target_method" in by_name:
        offered = [name for name in ("ALL", cause.method) if name in by_name[f"{prefix}target_method"].values]
        methods = [{f"{prefix}target_method": name} for name in offered]
    delay = by_name[f"{prefix}delay_ms"]
    faults: list[dict[str, Any]] = []
    if cause.low_ms is not None and cause.low_ms < delay.high:
        high_ms = min(cause.high_ms, delay.high)
        wanted = (min(1.3 * cause.low_ms, high_ms), (cause.low_ms + high_ms) / 2, 0.95 * high_ms)
        faults += [
            {f"{prefix}fault_type": "delay", f"{prefix}delay_ms": max(round(each), round(delay.low))} for each in wanted
        ]
    faults += [
        {f"{prefix}fault_type": "abort", f"{prefix}abort_status_code": status}
        for status in by_name[f"{prefix}abort_status_code"].values
        if status in cause.statuses
    ]
    for fault, method in product(faults, methods):
        yield base | fault | method
