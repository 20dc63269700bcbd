"""What is planted: each kind of weakness changes how one call is made, and says which faults bring that out.

The kinds are those that collections of such defects document: Nygard, "Release It!" (2nd ed., part I, stability
antipatterns); Google, "Site Reliability Engineering" (ch. 21 and 22) ; AWS Builders' Library ("Timeouts, retries, and
backoff with jitter", "Avoiding fallback in distributed systems", "Making retries safe with idempotent APIs",
"Implementing health checks"); Microsoft, "Performance antipatterns" (Retry Storm, Chatty I/O) and "Circuit Breaker
pattern"; Yuan et al. 2014 (OSDI) on error handling that swallows; Meiklejohn et al. 2021 (SoCC), the Filibuster corpus;
Huang et al. 2017 (HotOS), gray failure; Bronson et al. 2021 (HotOS) and Huang et al. 2022 (OSDI), metastable failures;
Vattani et al. 2015 (VLDB), cache stampedes; Amazon SQS Developer Guide, dead-letter queues. Each is named at its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from random import Random

from benchmarks.applications.model import BEHAVIOURS, Application, Call, Cause, Latch, Weakness
from benchmarks.applications.surface import Surface

REFUSED = (429, 503)
WRONG = (404, 500)
ABORTS = (*REFUSED, *WRONG)

_WORST = ("refused", "wrong", "given_up")

Plant = Callable[[Application, Surface, Call, Random], Weakness | None]
"""Changes how a call is made, so that something is wrong with it; None where this call cannot have it."""


def _cause(made: Application, call: Call, **what: object) -> Cause:
    operation = made.operations[call.callee]
    return replace(Cause(made.service_of(call.callee), operation.method, operation.path), **what)  # type: ignore[arg-type]


def _by(made: Application, surface: Surface, call: Call, behaviour: str) -> Cause:
    """The faults by which a call fails so."""
    if behaviour == "given_up":
        return _cause(made, call, low_ms=_late_ms(surface, call))
    return _cause(made, call, statuses=REFUSED if behaviour == "refused" else WRONG)


def _late_ms(surface: Surface, call: Call) -> float:
    """From which delay on a call may be given up: its callee takes some time too."""
    return max(10.0, call.timeout_ms - 3.0 * surface.usual_ms[call.callee])


def _found(
    made: Application,
    call: Call,
    what: tuple[str, str, str],
    *causes: Cause,
    at: Call | None = None,
    beside: Iterable[Call] = (),
) -> Weakness:
    """The weakness of a call.

    Args:
        what: its kind, the call's behaviour, and the event that the simulation notes of it.
        at: the call at which it is noted; the call itself where nothing is said.
        beside: other calls that it depends on.
    """
    kind, behaviour, event = what
    return Weakness(
        id=f"{kind}-{call.number}",
        kind=kind,
        call=(at or call).number,
        caller=made.service_of(call.caller),
        callee=made.service_of(call.callee),
        behaviour=behaviour,
        event=event,
        causes=causes,
        touches=(call.number, *(each.number for each in beside)),
    )


def _missing_fallback(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """The caller copes with some failures, and fails by another (Nygard: integration points; the Filibuster corpus)."""
    if not surface.is_seen(call.caller):
        return None
    behaviour = random.choice(_WORST)
    call.copes_with = tuple(each for each in BEHAVIOURS if each != behaviour)
    call.latch, call.tries = None, 1
    cause = _by(made, surface, call, behaviour)
    return _found(made, call, ("missing_fallback", behaviour, f"broke:{behaviour}"), cause)


def _late_fallback(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """The caller has a fallback, but its own caller has given up by then (SRE, ch. 22: deadlines)."""
    limit_ms = surface.patience_ms(call.caller)
    if limit_ms is None or not surface.is_seen(call.caller):
        return None
    call.copes_with, call.latch, call.tries = BEHAVIOURS, None, 1
    call.timeout_ms = round(random.uniform(0.7, 0.95) * limit_ms)
    call.fallback_ms = round(0.5 * limit_ms)
    return _found(
        made,
        call,
        ("late_fallback", "given_up", "overrun"),
        _cause(made, call, low_ms=_late_ms(surface, call)),
        beside=surface.incoming(call.caller),
    )


def _slow_fallback(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """What stands in for a failed call takes longer than the caller has (AWS: avoiding fallback)."""
    limit_ms = surface.patience_ms(call.caller)
    if limit_ms is None or not surface.is_seen(call.caller):
        return None
    call.copes_with, call.latch = BEHAVIOURS, None
    call.fallback_ms = round(random.uniform(1.05, 1.6) * limit_ms)
    return _found(
        made,
        call,
        ("slow_fallback", "refused", "overrun"),
        _cause(made, call, statuses=ABORTS),
        beside=surface.incoming(call.caller),
    )


def _impatient_caller(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A call may take longer than its caller's caller waits (AWS: timeouts; SRE, ch. 22: deadline propagation)."""
    limit_ms = surface.patience_ms(call.caller)
    if limit_ms is None or not surface.is_seen(call.caller):
        return None
    call.timeout_ms = round(random.uniform(2.0, 4.0) * limit_ms)
    call.latch, call.tries = None, 1
    low_ms = max(10.0, limit_ms - 1.5 * surface.usual_ms[call.caller])
    return _found(
        made,
        call,
        ("impatient_caller", "slow", "overrun"),
        _cause(made, call, low_ms=low_ms),
        beside=surface.incoming(call.caller),
    )


def _retry_storm(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """Retries at two layers multiply (AWS: timeouts, retries; SRE, ch. 22; Microsoft: retry storm)."""
    above = [each for each in surface.incoming(call.caller) if each.number not in surface.taken]
    if call.times > 1 or made.operations[call.callee].method != "GET":
        return None
    which = random.choice((("refused",), ("wrong",), ("refused", "wrong")))
    call.copes_with, call.latch, call.backoff_ms = (), None, 1.0
    call.retries = which
    if above and above == surface.incoming(call.caller) and random.random() < 0.7:
        call.tries = 3
        for each in above:
            each.tries, each.retries = 2, tuple(sorted({*each.retries, "wrong"}))
    else:
        above, call.tries = [], random.choice((5, 6, 8))
    statuses = tuple(
        status for name, some in (("refused", REFUSED), ("wrong", WRONG)) if name in which for status in some
    )
    return _found(made, call, ("retry_storm", which[0], "storm"), _cause(made, call, statuses=statuses), beside=above)


def _small_pool(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A callee that is slow, not late, takes all connections (Nygard: blocked threads, slow responses).

    Half of them leave a callee alone for a while that was given up, so that a longer delay shows less.
    """
    if not surface.is_seen(call.caller) or surface.requests(call.number) < 0.25:
        return None
    call.pool = random.choice((1, 1, 2))
    call.pool_wait_ms = float(random.choice((20, 40, 60)))
    call.tries, call.copes_with, call.latch = 1, ("refused", "wrong", "given_up"), None
    call.timeout_ms = round(max(call.timeout_ms, 4.0 * call.pool_wait_ms + 8 * surface.usual_ms[call.callee]))
    cause = _cause(made, call, low_ms=max(10.0, call.pool_wait_ms / made.concurrency))
    if random.random() < 0.5:
        call.latch = Latch("call", 2, ("given_up",), 20_000.0)
        call.copes_with = tuple(each for each in BEHAVIOURS if each != "full")
        cause.high_ms = call.timeout_ms - 1.0
    return _found(made, call, ("small_pool", "slow", "pool"), cause)


def _stays_open(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A breaker opens for long, and nobody thought of what then (Microsoft: circuit breaker; Nygard)."""
    if not surface.is_seen(call.caller):
        return None
    call.latch = Latch("call", random.choice((3, 4, 6)), _WORST, random.choice((15_000.0, 30_000.0)))
    call.copes_with = _WORST
    cause = _cause(made, call, statuses=ABORTS, low_ms=_late_ms(surface, call))
    return _found(made, call, ("stays_open", "refused", "broke:shut"), cause)


def _gray(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """Failures that are too rare for the breaker reach the customers (Huang et al. 2017: gray failure)."""
    if not surface.is_seen(call.caller) or surface.requests(call.number) < 0.4:
        return None
    behaviour, statuses = random.choice((("refused", REFUSED), ("wrong", WRONG)))
    call.latch = Latch("call", 4, _WORST, 20_000.0)
    call.copes_with, call.tries = tuple(each for each in BEHAVIOURS if each != behaviour), 1
    cause = _cause(made, call, statuses=statuses, low_percentage=3.0, high_percentage=60.0)
    return _found(made, call, ("gray_failure", behaviour, f"broke:{behaviour}"), cause)


def _swallowed(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A failure is taken for an answer: a total of 0, an empty list (Yuan et al. 2014)."""
    behaviour = random.choice(_WORST)
    call.swallows, call.copes_with = (behaviour,), tuple(each for each in BEHAVIOURS if each != behaviour)
    call.latch, call.tries = None, 1
    cause = _by(made, surface, call, behaviour)
    return _found(made, call, ("swallowed", behaviour, f"swallowed:{behaviour}"), cause)


def _twice(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A write is given up and made again, and both go through (AWS: making retries safe)."""
    callee = made.operations[call.callee]
    below = [made.calls[number] for number in callee.calls if number not in surface.taken]
    below = [each for each in below if not each.is_message and each.share > 0.6]
    if callee.method != "POST" or not below:
        return None
    inner = random.choice(below)
    call.tries, call.retries, call.latch = 2, ("given_up",), None
    call.timeout_ms = round(2.0 * surface.usual_ms[call.callee] + 20)
    inner.timeout_ms, inner.tries = round(3.0 * call.timeout_ms), 1
    cause = _cause(made, inner, low_ms=max(10.0, 0.5 * call.timeout_ms))
    cause.high_ms = inner.timeout_ms if not inner.copes_with else 1e9
    return _found(made, call, ("charged_twice", "given_up", "twice"), cause, beside=[inner])


def _stampede(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """Without the cache everybody goes to where it is filled from (Vattani et al. 2015; Nygard: dogpile)."""
    leaf = surface.a_leaf(call, random)
    if leaf is None or not surface.is_seen(call.caller) or surface.requests(call.number) < 0.4:
        return None
    spare = _spare(made, call, leaf)
    spare.pool, spare.pool_wait_ms = 1, 15.0
    spare.times = max(1, round(12.0 / (surface.usual_ms[leaf] + 0.5)))
    call.copes_with, call.latch, call.tries = _WORST, None, 1
    cause = _cause(made, call, statuses=ABORTS, low_ms=_late_ms(surface, call))
    return _found(made, call, ("stampede", "refused", "pool"), cause, at=spare)


def _spare_fails(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """What stands in for a failed call has nothing to stand in for it (AWS: avoiding fallback): takes two faults."""
    leaf = surface.a_leaf(call, random)
    if leaf is None or not surface.is_seen(call.caller) or not surface.has_pairs:
        return None
    spare = _spare(made, call, leaf)
    spare.timeout_ms = 100.0
    call.copes_with, call.latch, call.tries = BEHAVIOURS, None, 1
    first, second = (_cause(made, each, statuses=ABORTS, low_ms=_late_ms(surface, each)) for each in (call, spare))
    return _found(made, call, ("fallback_fails", "refused", "broke:"), first, second, at=spare)


def _one_by_one(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A call is made once for each line of a list, so a small delay counts many times (Microsoft: chatty I/O)."""
    limit_ms = surface.patience_ms(call.caller)
    if limit_ms is None or not surface.is_seen(call.caller) or made.operations[call.callee].calls:
        return None
    room_ms = (limit_ms - 2.0 * surface.usual_ms[call.caller]) / 3
    most = int(room_ms / (surface.usual_ms[call.callee] + 0.5))
    if most < 5 or made.operations[call.callee].method != "GET":
        return None
    call.times = random.randint(5, min(most, 12))
    call.latch, call.tries = None, 1
    cause = _cause(made, call, low_ms=max(10.0, 0.5 * limit_ms / call.times))
    return _found(made, call, ("one_by_one", "slow", "overrun"), cause, beside=surface.incoming(call.caller))


def _metastable(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A service that was in trouble stays so for long after its cause is gone (Bronson 2021; Huang 2022)."""
    if surface.requests(call.number) < 0.4 or not surface.is_seen(call.caller):
        return None
    on = random.choice((("given_up",), ("refused", "wrong")))
    call.copes_with, call.tries = (), 1
    call.latch = Latch("service", random.choice((2, 3)), on, random.choice((10_000.0, 25_000.0)))
    cause = _by(made, surface, call, on[0])
    cause.statuses = ABORTS if cause.statuses else ()
    cause.low_percentage, cause.high_percentage = 5.0, 98.0
    return _found(made, call, ("metastable", on[0], "down"), cause)


def _closes_all(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """One slow callee makes its caller tell everybody that it is not ready (AWS: implementing health checks)."""
    if call.caller not in surface.fronts or surface.requests(call.number) < 0.25:
        return None
    slow_ms = round(max(15.0, random.uniform(0.2, 0.6) * call.timeout_ms, 4 * surface.usual_ms[call.callee]))
    if slow_ms >= call.timeout_ms:
        return None
    call.latch = Latch(
        "application", random.choice((3, 4, 5)), ("slow",), random.choice((500.0, 1500.0, 4000.0)), slow_ms
    )
    cause = _cause(made, call, low_ms=0.5 * slow_ms, high_ms=call.timeout_ms)
    return _found(made, call, ("closes_all", "slow", "closed"), cause)


def _poison(made: Application, surface: Surface, call: Call, random: Random) -> Weakness | None:
    """A message that cannot be dealt with comes again and again (Amazon SQS: dead-letter queues)."""
    inner = [made.calls[number] for number in made.operations[call.callee].calls if number not in surface.taken]
    inner = [each for each in inner if not each.is_message and each.share > 0.6]
    if not call.is_message or not inner:
        return None
    asked = random.choice(inner)
    asked.copes_with, asked.latch, asked.tries = (), None, 1
    call.tries, call.backoff_ms = random.choice((6, 10)), 2.0
    cause = _cause(made, asked, statuses=ABORTS, low_ms=_late_ms(surface, asked))
    return _found(made, call, ("poison_message", "wrong", "storm"), cause, beside=[asked])


def _spare(made: Application, call: Call, leaf: int) -> Call:
    spare = Call(len(made.calls), call.caller, leaf, stage=call.stage, timeout_ms=150.0, is_spare=True)
    made.calls.append(spare)
    call.fallback = spare.number
    return spare


KINDS: Mapping[str, Plant] = {
    "missing_fallback": _missing_fallback,
    "late_fallback": _late_fallback,
    "slow_fallback": _slow_fallback,
    "impatient_caller": _impatient_caller,
    "retry_storm": _retry_storm,
    "small_pool": _small_pool,
    "stays_open": _stays_open,
    "gray_failure": _gray,
    "swallowed": _swallowed,
    "charged_twice": _twice,
    "stampede": _stampede,
    "fallback_fails": _spare_fails,
    "one_by_one": _one_by_one,
    "metastable": _metastable,
    "closes_all": _closes_all,
    "poison_message": _poison,
}
"""The kinds of weakness, by name."""
