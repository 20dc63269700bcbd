"""Calls that go wrong in some of a window's requests, though the typical ones are spared."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.seen import named_calls
from boifi_core.findings.models import CAUSE, ECHO, Fact, FactKind
from boifi_core.findings.verdict import wilson
from boifi_core.models import RawObservation, SeenCall
from boifi_core.traces.calls import CLIENT


def failing_now_and_then(observation: RawObservation, normal: Normal) -> Iterator[Fact]:
    """The calls of the window that fail more often than without a fault, by more than chance.

    That is where the lower bound of the share of all such calls that fail is above the upper one of those of the
    fault-free windows (`wilson`): three of thirty where a hundred and fifty went well. What these do not know at all
    is left out, and so are the requests themselves, of which statuses tell.
    """
    for where, call in named_calls(observation, normal.vocabulary).items():
        failed, seen = normal.failed_calls.get(where, (0, 0))
        if call.caller != CLIENT and call.failed and wilson(call.failed, call.seen)[0] > wilson(failed, seen)[1]:
            yield _fact(where, call)


def _fact(where: str, call: SeenCall) -> Fact:
    what = f"{call.callee} {call.operation}" if call.callee else call.operation
    often = f"{call.failed} of {call.seen} times"
    kind, value, says = FactKind.FAILS, None, f"{where} fails {often}"
    is_cause = 2 * call.began >= call.failed
    if 2 * call.given_up >= call.failed:
        kind, value = FactKind.TIMES_OUT, median(call.gave_up_ms) if call.gave_up_ms else None
        after = "" if value is None else f" after {value:.0f} ms"
        says = f"{call.caller or 'the target'} gives up on {what}{after}, {often}"
    elif is_cause and call.callee is not None and 2 * call.refused >= call.failed:
        kind, says = FactKind.REFUSES, f"{call.callee} refuses {call.operation} {often}"
    return Fact(
        kind=kind,
        where=where,
        says=says,
        weight=CAUSE if is_cause else ECHO,
        callee=call.callee,
        value=value,
        share=call.failed / call.seen,
    )
