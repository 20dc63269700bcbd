"""How a trial failed: what it did that the target does not do without a fault, free of what varies from run to run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from boifi_core.analyzer.explain import of_answers, percent
from boifi_core.analyzer.log_lines import log_template
from boifi_core.analyzer.normal import Normal, UsualCall, attempts, traces_of
from boifi_core.analyzer.scorers.bug import changed_kinds
from boifi_core.findings.models import CAUSE, ECHO, MOST, OF_CALLS, SOME, TROUBLE, Fact, FactKind
from boifi_core.findings.said import readable
from boifi_core.findings.some import failing_now_and_then
from boifi_core.models import RawObservation
from boifi_core.traces.calls import CLIENT, Call, calls

# How much a fact tells of the cause; CAUSE: a call that failed, was late or given up while all below it went well, and
# one that was repeated.
SEEN = 3.0
"""What those outside see: a kind of request that fails."""
SAID = 2.0
"""What the target itself says of it, a call that it makes only in need, and one given up for what was late below it."""
HINT = 1.0
"""A call that is slow, or left out, while those above it go well."""
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

_BROKEN = 3
"""Of one kind of request, so many broken expectations are told: those that most answers break."""

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
    typical = [
        fact
        for kind, spans in traces_of(observation)
        for fact in _seen_in_trace(kind, calls(spans, normal.vocabulary), normal)
    ]
    yield from typical
    if not any(fact.kind in OF_CALLS and fact.weight >= HINT for fact in typical):
        yield from failing_now_and_then(observation, normal)


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
    yield from _wrong(observation, normal)
    yield from _said(observation, normal)
    slowest = normal.latencies_ms[-1] if normal.latencies_ms else None
    latency_ms = observation.latency_ms
    if latency_ms is None or slowest is None:
        return
    if latency_ms > max(_LATENCY_FACTOR * slowest, slowest + _SLOW_LEAST_MS):
        says = f"requests take {latency_ms:.0f} ms instead of {slowest:.0f} ms"
        yield Fact(kind=FactKind.LATENCY, where="", says=says, weight=ECHO, value=latency_ms)


def _wrong(observation: RawObservation, normal: Normal) -> Iterator[Fact]:
    """What answers of a good status break, and do not without a fault."""
    told: Counter[str] = Counter()
    by_share = sorted(observation.broken_shares().items(), key=lambda each: -each[1])
    for (kind, words), share in by_share:
        usual = normal.broken_shares.get((kind, words), 0.0)
        if share <= usual or usual >= _MOSTLY or told[kind] == _BROKEN:
            continue
        weight = ECHO if told[kind] else HINT if usual or share <= _MOSTLY else SEEN
        told[kind] += 1
        says = f"{of_answers(share, kind)} break {words}"
        yield Fact(kind=FactKind.WRONG, where=f"{kind}: {words}", request=kind, says=says, weight=weight, value=share)


def _said(observation: RawObservation, normal: Normal) -> Iterator[Fact]:
    usual = {log_template(readable(template)) for template in normal.log_templates}
    lines: dict[str, str] = {}
    for line in map(readable, observation.logs):
        lines.setdefault(log_template(line), line)
    for template in [template for template in lines if template not in usual][:_TEMPLATES]:
        yield Fact(kind=FactKind.LOG, where=template, says=f"“{_short(lines[template])}”", weight=SAID)


def _most_get(status: int, rate: float | None, normal: Normal) -> str:
    if status < 400:
        return f"most requests get {status} instead of {min(normal.status_codes)}"
    if rate is not None and 0 < rate <= 0.5:  # the most frequent status of many
        return f"{percent(rate)} of the requests fail, most of them with {status}"
    return f"most requests get {status}"


def _seen_in_trace(kind: str | None, made: Sequence[Call], normal: Normal) -> Iterator[Fact]:
    usual = normal.usual(kind)
    slow = {index for index, call in enumerate(made) if _is_slow(call, usual.get(call.where))}
    slow_below = {made[index].under for index in slow}
    began, waited = _beginnings(made, usual, slow)
    for index, call in enumerate(made):
        known = usual.get(call.where)
        is_root = index == 0 or call.caller == CLIENT
        fails = known.fails if known else 0.0
        if call.failed and fails < _MOSTLY:
            if is_root:
                what = kind or call.operation
                weight = HINT if fails else SEEN
                yield Fact(kind=FactKind.STATUS, where=what, request=kind, says=f"{what} fails", weight=weight)
            else:
                weight = CAUSE if index in began else SAID if index in waited else ECHO
                failure = _failure(call, kind, weight)
                yield failure.model_copy(update={"weight": min(weight, HINT)}) if fails else failure
        if index in slow and not call.failed:
            follows = ECHO if is_root or index in slow_below else HINT
            yield _slow(call, kind, known, CAUSE if index in began else follows)
        if usual and known is None and not is_root:
            says = f"{call.caller or 'the target'} asks {call.callee or call.operation}"
            yield _fact(FactKind.NEW, call, kind, says, SAID)
    yield from _repeated(made, kind, usual)
    yield from _left_out(made, kind, usual)


def is_usual(fact: Fact, normal: Normal) -> bool:
    """Whether the call, or the kind of request, that the fact tells of fails now and then without a fault too.

    Of what only some requests show it is known that it does so less often.
    """
    if fact.share is not None:
        return False
    usual = normal.usual(fact.request)
    if fact.kind is FactKind.STATUS:
        return fact.request is not None and any(call.fails for call in usual.values() if call.under is None)
    if fact.kind is FactKind.WRONG:
        return any(share and fact.where == f"{kind}: {words}" for (kind, words), share in normal.broken_shares.items())
    known = usual.get(fact.where)
    return fact.kind in TROUBLE and known is not None and known.fails > 0


def _beginnings(
    made: Sequence[Call], usual: Mapping[str, UsualCall], slow: Collection[int]
) -> tuple[set[int], set[int]]:
    """Where failures began, and the calls that were given up only because one further below was late; by index.

    The deepest call that failed began it. Of those given up, one inside the other, the outermost gave up; but what it
    waited for is the deepest call below it that was late.
    """
    failed_below = {call.under for call in made if call.failed}
    below: dict[int | None, list[int]] = defaultdict(list)
    for index, call in enumerate(made):
        below[call.under].append(index)

    def is_late(index: int) -> bool:
        call = made[index]
        return index in slow or (call.failed and call.given_up and not _is_cut_off(call, usual.get(call.where)))

    def late_below(index: int) -> set[int]:
        late = {child for child in below[index] if is_late(child)}
        return {deepest for child in late for deepest in late_below(child) or {child}}

    began: set[int] = set()
    waited: set[int] = set()
    for index, call in enumerate(made):
        above = None if call.under is None else made[call.under]
        first = not (above is not None and above.cut) if call.cut else index not in failed_below
        if not call.failed or not first or _is_cut_off(call, usual.get(call.where)):
            continue
        deepest = late_below(index) if call.given_up else set()
        began |= deepest or {index}
        if deepest:
            waited.add(index)
    return began, waited


def _failure(call: Call, kind: str | None, weight: float) -> Fact:
    if call.given_up:
        took = "" if call.duration_ms is None else f" after {call.duration_ms:.0f} ms"
        says = f"{call.caller or 'the target'} gives up on {call.what}{took}"
        return _fact(FactKind.TIMES_OUT, call, kind, says, weight, call.duration_ms)
    if weight == CAUSE and call.callee is not None and call.answered:
        return _fact(FactKind.REFUSES, call, kind, f"{call.callee} refuses {call.operation}", weight)
    return _fact(FactKind.FAILS, call, kind, f"{call.where} fails", weight)


def _fact(
    kind: FactKind,
    call: Call,
    request: str | None,
    says: str,
    weight: float,
    value: float | None = None,
) -> Fact:
    return Fact(kind=kind, where=call.where, request=request, says=says, weight=weight, callee=call.callee, value=value)


def _is_cut_off(call: Call, known: UsualCall | None) -> bool:
    """Whether it was given up sooner than it takes anyway: not for its own slowness, but with all above it."""
    if not call.given_up or known is None or call.duration_ms is None or not known.durations_ms:
        return False
    return call.duration_ms <= known.durations_ms[-1] + _CUT_OFF_MS


def _repeated(made: Sequence[Call], kind: str | None, usual: Mapping[str, UsualCall]) -> Iterator[Fact]:
    of = {call.where: call for call in made}
    for where, n in attempts(made).items():
        known = usual.get(where)
        if n > (known.most_tries if known else 1):
            yield _fact(FactKind.RETRIED, of[where], kind, f"{where} is tried {n} times", CAUSE, n)


def _left_out(made: Sequence[Call], kind: str | None, usual: Mapping[str, UsualCall]) -> Iterator[Fact]:
    there = {call.where for call in made}
    well = {call.where for call in made if not call.failed}
    at_work = {call.where for call in made if not call.ended}
    for where, known in usual.items():
        if known.fewest and where not in there:
            fact = partial(Fact, where=where, request=kind, callee=known.callee)
            if known.under in at_work:
                # Its caller was given up on before it was over: there is no span yet of what it waited for.
                yield fact(kind=FactKind.SLOW, says=f"{where} had not ended", weight=HINT)
            else:
                weight = HINT if known.under in well else ECHO
                yield fact(kind=FactKind.GONE, says=f"{where} is not made", weight=weight)


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
