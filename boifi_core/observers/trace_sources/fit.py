"""Which of the traces that were found belongs to which request, where requests have no ids that the mesh honours."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from boifi_core.observers.trace_sources.dialect import Found
from boifi_core.observers.window import Outcome

CLOCKS_NS = 500_000_000
"""By so much the clocks of the probe and of the entry service may differ."""

_METHODS = frozenset({"get", "head", "post", "put", "patch", "delete", "options"})

_ANY = re.compile(r"[{}<>\[\]*?#]|^:")
"""In the segment of a route: it stands for whatever is there."""


def fitting(
    wanted: Mapping[str, Sequence[Outcome]], found: Sequence[Found], *, without: Container[str] = ()
) -> dict[str, tuple[Outcome, Found]]:
    """For each kind of request one of its requests, and the trace that fits it best by name, then by time.

    A trace that is named after one kind is none of another's. Each trace is given once; a kind that no trace fits has
    none, nor have the kinds in `without`.
    """
    pairs = []
    for each in found:
        said = {kind: agreement(outcomes[0], each) for kind, outcomes in wanted.items()}
        best = max(said.values())
        for kind in (kind for kind, level in said.items() if level == best and kind not in without):
            off_ns = ((misfit(each, outcome), outcome) for outcome in wanted[kind])
            pairs += [(-best, off, kind, outcome, each) for off, outcome in off_ns if off < CLOCKS_NS]
    pairs.sort(key=lambda pair: pair[:2])
    given: dict[str, tuple[Outcome, Found]] = {}
    taken = set()
    for _, _, kind, outcome, each in pairs:
        if kind not in given and each.trace_id not in taken:
            given[kind] = outcome, each
            taken.add(each.trace_id)
    return given


def agreement(outcome: Outcome, found: Found) -> int:
    """How much a trace's names say that it served this request.

    Returns:
        3 for its path, 2 for a route that leads there, 1 for the end of its path, 0 where no name has a path, -1 where
        the plainest name that has one has another, or another method.
    """
    method = found.names[-1].split(" ")[0].lower()
    if outcome.method and method in _METHODS and method != outcome.method.lower():
        return -1
    for name in found.names:
        path = _path_in(name)
        if path is not None:
            return _agreement(_segments(outcome.path), _segments(path))
    return 0


def misfit(found: Found, outcome: Outcome) -> int:
    """How far off the trace's root begins and ends from the request, nanoseconds."""
    off_ns = abs(found.start_ns - outcome.started_ns)
    if found.duration_ms is None:
        return off_ns
    return off_ns + abs(round((found.duration_ms - outcome.latency_ms) * 1e6))


def _path_in(name: str) -> str | None:
    """What a span's name or attribute says of a path: all from the first slash that is no part of `://`."""
    for word in name.split():
        rest = word.partition("://")[2] or word
        if "/" in rest:
            return rest[rest.index("/") :].partition("?")[0] if not rest.startswith("/?") else rest
    return None


def _segments(path: str) -> list[str]:
    # Some backends store names in lower case.
    return [segment for segment in path.lower().split("/") if segment]


def _agreement(asked: list[str], said: list[str]) -> int:
    if asked == said:
        return 3
    if _leads_to(said, asked):
        return 2
    tail = asked[len(asked) - len(said) :] if 0 < len(said) < len(asked) else []
    return 1 if tail and _leads_to(said, tail) and said[0] == tail[0] else -1


def _leads_to(route: list[str], asked: list[str]) -> bool:
    if route and route[-1] in ("*", "**") and len(asked) >= len(route) - 1:
        route, asked = route[:-1], asked[: len(route) - 1]
    return len(route) == len(asked) and all(
        mine == other or _ANY.search(mine) for mine, other in zip(route, asked, strict=True)
    )
