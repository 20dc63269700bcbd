"""How a trial failed: what it did that the target does not do without a fault, free of what varies from run to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from boifi_core.analyzer.calls import CLIENT, Call, calls
from boifi_core.analyzer.explain import percent
from boifi_core.analyzer.normal import Normal, UsualCall, attempts, log_template, traces_of
from boifi_core.analyzer.scorers.bug import changed_kinds
from boifi_core.findings.models import MOST, SOME, Fact, FactKind
from boifi_core.models import RawObservation

# How much a fact tells of the cause.
CAUSE = 3.0
"""A call that failed, was given up or was repeated while all below it went well: where it began."""
SEEN = 3.0
"""What those outside see: a kind of request that fails."""
SAID = 2.0
"""What the target itself says of it, and a call that it makes only in need."""
HINT = 1.0
"""A call that is slow, or left out, while those above it go well."""
ECHO = 0.25
"""What follows from something else: a call that failed because one below it did."""

_MOSTLY = 0.5
"""A call that fails in this share of fault-free traces does so anyway. One that fails in fewer is a hint at most: it
may be the fault's doing, and must not stand before what never fails without one."""

_SLOW_FACTOR = 3.0
_SLOW_LEAST_MS = 20.0
"""A call is slow that takes more than the slowest without a fault, by this factor and by so many milliseconds."""

_CUT_OFF_MS = 10.0
"""A call that is given up within so many milliseconds of its usual time is not given up for being slow."""

_LATENCY_FACTOR = 1.5
"""All requests together are slow above this times the slowest fault-free observation."""

_FAILING = (FactKind.FAILS, FactKind.REFUSES, FactKind.TIMES_OUT)

_TEMPLATES = 20
"""Log templates that are told; a target that says more than that repeats itself in other words."""


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
    rate = observation.error_rate
    if status is not None and not normal.is_usual_status(status):
        yield Fact(kind=FactKind.STATUS, where=MOST, says=_most_get(status, rate, normal), weight=SEEN, value=status)
    for kind, other in changed_kinds(observation, normal).items():
        says = f"{kind} gets {other} instead"
        yield Fact(kind=FactKind.STATUS, where=kind, request=kind, says=says, weight=SEEN, value=other)
    if rate is not None and rate > normal.error_rate:
        yield Fact(kind=FactKind.STATUS, where=SOME, says=f"{percent(rate)} of the requests fail", weight=HINT)
    templates = dict.fromkeys(map(log_template, observation.logs))
    for template in [template for template in templates if template not in normal.log_templates][:_TEMPLATES]:
        yield Fact(kind=FactKind.LOG, where=template, says=f"“{_short(template)}”", weight=SAID)
    slowest = normal.latencies_ms[-1] if normal.latencies_ms else None
    latency_ms = observation.latency_ms
    if latency_ms is None or slowest is None:
        return
    if latency_ms > max(_LATENCY_FACTOR * slowest, slowest + _SLOW_LEAST_MS):
        says = f"requests take {latency_ms:.0f} ms instead of {slowest:.0f} ms"
        yield Fact(kind=FactKind.LATENCY, where="", says=says, weight=ECHO, value=latency_ms)


def _most_get(status: int, rate: float | None, normal: Normal) -> str:
    if status < 400:
        return f"most requests get {status} instead of {min(normal.status_codes)}"
    if rate is not None and 0 < rate <= 0.5:  # the most frequent status of many
        return f"{percent(rate)} of the requests fail, most of them with {status}"
    return f"most requests get {status}"


def _seen_in_trace(kind: str | None, made: Sequence[Call], normal: Normal) -> Iterator[Fact]:
    usual = normal.usual(kind)
    failed_below = {call.under for call in made if call.failed}
    slow = {index for index, call in enumerate(made) if _is_slow(call, usual.get(call.where))}
    slow_below = {made[index].under for index in slow}
    for index, call in enumerate(made):
        known = usual.get(call.where)
        is_root = call.caller == CLIENT
        fails = known.fails if known else 0.0
        if call.failed and fails < _MOSTLY:
            if is_root:
                what = kind or call.operation
                weight = HINT if fails else SEEN
                yield Fact(kind=FactKind.STATUS, where=what, request=kind, says=f"{what} fails", weight=weight)
            else:
                above = None if call.under is None else made[call.under]
                began = not (above is not None and above.cut) if call.cut else index not in failed_below
                failure = _failure(call, kind, normal, is_cause=began and not _is_cut_off(call, known))
                yield failure.model_copy(update={"weight": min(failure.weight, HINT)}) if fails else failure
        if index in slow and not call.failed:
            yield _slow(call, kind, known, ECHO if is_root or index in slow_below else HINT)
        if usual and known is None and not is_root:
            says = f"{call.caller or 'the target'} asks {call.callee or call.operation}"
            yield _fact(FactKind.NEW, call, kind, normal, says, SAID)
    yield from _repeated(made, kind, usual, normal)
    yield from _left_out(made, kind, usual)


def is_usual(fact: Fact, normal: Normal) -> bool:
    """Whether the call, or the kind of request, that the fact tells of fails now and then without a fault too."""
    usual = normal.usual(fact.request)
    if fact.kind is FactKind.STATUS:
        return fact.request is not None and any(call.fails for call in usual.values() if call.under is None)
    known = usual.get(fact.where)
    return fact.kind in _FAILING and known is not None and known.fails > 0


def _failure(call: Call, kind: str | None, normal: Normal, *, is_cause: bool) -> Fact:
    weight = CAUSE if is_cause else ECHO
    if call.given_up:
        took = "" if call.duration_ms is None else f" after {call.duration_ms:.0f} ms"
        says = f"{call.caller or 'the target'} gives up on {call.operation}{took}"
        return _fact(FactKind.TIMES_OUT, call, kind, normal, says, weight, call.duration_ms)
    if is_cause and call.callee is not None:
        return _fact(FactKind.REFUSES, call, kind, normal, f"{call.callee} refuses {call.operation}", weight)
    return _fact(FactKind.FAILS, call, kind, normal, f"{call.where} fails", weight)


def _fact(
    kind: FactKind,
    call: Call,
    request: str | None,
    normal: Normal,
    says: str,
    weight: float,
    value: float | None = None,
) -> Fact:
    callee = call.callee or normal.callees.get(call.operation)
    return Fact(kind=kind, where=call.where, request=request, says=says, weight=weight, callee=callee, value=value)


def _is_cut_off(call: Call, known: UsualCall | None) -> bool:
    """Whether it was given up sooner than it takes anyway: not for its own slowness, but with all above it."""
    if not call.given_up or known is None or call.duration_ms is None or not known.durations_ms:
        return False
    return call.duration_ms <= known.durations_ms[-1] + _CUT_OFF_MS


def _repeated(made: Sequence[Call], kind: str | None, usual: Mapping[str, UsualCall], normal: Normal) -> Iterator[Fact]:
    of = {call.where: call for call in made}
    for where, n in attempts(made).items():
        known = usual.get(where)
        if n > (known.most_tries if known else 1):
            yield _fact(FactKind.RETRIED, of[where], kind, normal, f"{where} is tried {n} times", CAUSE, n)


def _left_out(made: Sequence[Call], kind: str | None, usual: Mapping[str, UsualCall]) -> Iterator[Fact]:
    there = {call.where for call in made}
    well = {call.where for call in made if not call.failed}
    for where, known in usual.items():
        if known.fewest and where not in there:
            weight = HINT if known.under in well else ECHO
            says = f"{where} is not made"
            yield Fact(kind=FactKind.GONE, where=where, request=kind, says=says, weight=weight, callee=known.callee)


def _is_slow(call: Call, known: UsualCall | None) -> bool:
    if known is None or call.duration_ms is None or not known.durations_ms:
        return False
    slowest = known.durations_ms[-1]
    return call.duration_ms > max(_SLOW_FACTOR * slowest, slowest + _SLOW_LEAST_MS)


def _slow(call: Call, kind: str | None, known: UsualCall | None, weight: float) -> Fact:
    before = f" instead of {known.durations_ms[-1]:.0f} ms" if known and known.durations_ms else ""
    return Fact(
        kind=FactKind.SLOW,
        where=call.where,
        request=kind,
        says=f"{call.where} takes {call.duration_ms or 0:.0f} ms{before}",
        weight=weight,
        callee=call.callee or (known.callee if known else None),
        value=call.duration_ms,
    )


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
