"""How a trial failed: what it did that the target does not do without a fault, free of what varies from run to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from boifi_core.analyzer.calls import CLIENT, Call, calls, normalised
from boifi_core.analyzer.normal import Normal, UsualCall, attempts, traces_of
from boifi_core.findings.models import Fact, FactKind
from boifi_core.models import RawObservation

# How much a fact tells of the cause.
_CAUSE = 3.0
"""A call that failed, was given up or was repeated while all below it went well: where it began."""
_SEEN = 3.0
"""What those outside see: a kind of request that fails."""
_SAID = 2.0
"""What the target itself says of it, and a call that it makes only in need."""
_HINT = 1.0
"""A call that is slow, or left out, while those above it go well."""
_ECHO = 0.25
"""What follows from something else: a call that failed because one below it did."""

_SLOW_FACTOR = 3.0
_SLOW_LEAST_MS = 20.0
"""A call is slow that takes more than the slowest without a fault, by this factor and by so many milliseconds."""

_CUT_OFF_MS = 10.0
"""A call that is given up within so many milliseconds of its usual time is not given up for being slow."""

_LATENCY_FACTOR = 1.5
"""All requests together are slow above this times the slowest fault-free observation."""


def signature(observation: RawObservation, normal: Normal) -> tuple[Fact, ...]:
    """What was seen that is not normal, the most telling first; empty where all was as ever.

    Two observations of one cause have nearly the same facts, whatever its share and length.
    """
    found: dict[tuple[str, str], Fact] = {}
    for fact in _facts(observation, normal):
        known = found.get(fact.key)
        if known is None or known.weight < fact.weight:
            found[fact.key] = fact
    order = list(FactKind)
    return tuple(sorted(found.values(), key=lambda fact: (-fact.weight, order.index(fact.kind), fact.where)))


def _facts(observation: RawObservation, normal: Normal) -> Iterator[Fact]:
    yield from _seen_by_all(observation, normal)
    for kind, spans in traces_of(observation):
        yield from _seen_in_trace(kind, calls(spans, normal.relays), normal)


def _seen_by_all(observation: RawObservation, normal: Normal) -> Iterator[Fact]:
    status = observation.status_code
    if status is not None and status >= 400 and normal.typical.status_code != status:
        yield Fact(kind=FactKind.STATUS, where="", says=f"most requests get {status}", weight=_SEEN)
    rate = observation.error_rate
    if rate is not None and rate > normal.error_rate:
        yield Fact(kind=FactKind.STATUS, where="some", says=f"{_share(rate)} of the requests fail", weight=_HINT)
    for line in observation.logs:
        template = normalised(" ".join(line.split()))
        if template not in normal.log_templates:
            yield Fact(kind=FactKind.LOG, where=template, says=f"“{_short(template)}”", weight=_SAID)
    slowest = normal.latencies_ms[-1] if normal.latencies_ms else None
    if observation.latency_ms is not None and slowest is not None:
        limit_ms = max(_LATENCY_FACTOR * slowest, slowest + _SLOW_LEAST_MS)
        if observation.latency_ms > limit_ms:
            says = f"requests take {observation.latency_ms:.0f} ms instead of {slowest:.0f} ms"
            yield Fact(kind=FactKind.LATENCY, where="", says=says, weight=_ECHO)


def _seen_in_trace(kind: str | None, made: Sequence[Call], normal: Normal) -> Iterator[Fact]:
    usual = normal.usual(kind)
    failed_below = {call.under for call in made if call.failed}
    slow = {index for index, call in enumerate(made) if _is_slow(call, usual.get(call.where))}
    slow_below = {made[index].under for index in slow}
    for index, call in enumerate(made):
        known = usual.get(call.where)
        if call.under is None and call.caller == CLIENT:
            if call.failed and not (known and known.fails):
                yield Fact(kind=FactKind.STATUS, where=kind or call.operation, request=kind, says=f"{kind or call.operation} fails", weight=_SEEN)  # noqa: E501
        elif call.failed and not (known and known.fails):
            above = made[call.under] if call.under is not None else None
            began = not (above is not None and above.cut) if call.cut else index not in failed_below
            yield _failure(call, kind, is_cause=began and not _is_cut_off(call, known))
        if index in slow and not call.failed:
            weight = _ECHO if index in slow_below or call.under is None else _HINT
            yield Fact(kind=FactKind.SLOW, where=call.where, request=kind, says=_slow(call, known), weight=weight)
        if usual and known is None and call.under is not None:
            yield Fact(kind=FactKind.NEW, where=call.where, request=kind, says=f"{call.caller} asks {call.operation}", weight=_SAID)  # noqa: E501
    yield from _repeated(made, kind, usual)
    yield from _left_out(made, kind, usual)


def _failure(call: Call, kind: str | None, *, is_cause: bool) -> Fact:
    weight = _CAUSE if is_cause else _ECHO
    if call.given_up:
        took = "" if call.duration_ms is None else f" after {call.duration_ms:.0f} ms"
        says = f"{call.caller} gives up on {call.operation}{took}"
        return Fact(kind=FactKind.TIMES_OUT, where=call.where, request=kind, says=says, weight=weight)
    if is_cause and call.callee is not None:
        says = f"{call.callee} refuses {call.operation}"
        return Fact(kind=FactKind.REFUSES, where=call.where, request=kind, says=says, weight=weight)
    return Fact(kind=FactKind.FAILS, where=call.where, request=kind, says=f"{call.where} fails", weight=weight)


def _is_cut_off(call: Call, known: UsualCall | None) -> bool:
    """Whether it was given up sooner than it takes anyway: not for its own slowness, but with all above it."""
    if not call.given_up or known is None or call.duration_ms is None or not known.durations_ms:
        return False
    return call.duration_ms <= known.durations_ms[-1] + _CUT_OFF_MS


def _repeated(made: Sequence[Call], kind: str | None, usual: dict[str, UsualCall]) -> Iterator[Fact]:
    for where, n in attempts(made).items():
        known = usual.get(where)
        if n > (known.most_tries if known else 1):
            yield Fact(kind=FactKind.RETRIED, where=where, request=kind, says=f"{where} is tried {n} times", weight=_CAUSE)  # noqa: E501


def _left_out(made: Sequence[Call], kind: str | None, usual: dict[str, UsualCall]) -> Iterator[Fact]:
    there = {call.where for call in made}
    well = {call.where for call in made if not call.failed}
    for where, known in usual.items():
        if known.fewest and where not in there:
            weight = _HINT if known.under in well else _ECHO
            yield Fact(kind=FactKind.GONE, where=where, request=kind, says=f"{where} is not made", weight=weight)


def _is_slow(call: Call, known: UsualCall | None) -> bool:
    if known is None or call.duration_ms is None or not known.durations_ms:
        return False
    slowest = known.durations_ms[-1]
    return call.duration_ms > max(_SLOW_FACTOR * slowest, slowest + _SLOW_LEAST_MS)


def _slow(call: Call, known: UsualCall | None) -> str:
    before = f" instead of {known.durations_ms[-1]:.0f} ms" if known and known.durations_ms else ""
    return f"{call.where} takes {call.duration_ms or 0:.0f} ms{before}"


def _share(rate: float) -> str:
    return "under 1 %" if rate < 0.01 else f"{rate:.0%}".replace("%", " %")


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def weights(facts: Iterable[Fact]) -> dict[tuple[str, str], float]:
    """What `facts` weigh, by key."""
    return {fact.key: fact.weight for fact in facts}
