"""How long a session's faults take to take hold and to let go, measured with one fault that nobody can mistake."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime

import numpy as np

from boifi_core.errors import ExecutorError
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.effect import clearness, effect
from boifi_core.models import Point, RawObservation
from boifi_core.safety.pauses import Deadline
from boifi_core.session.learning import searchable_space
from boifi_core.session.session import Session

LIMIT_S = 12.0
"""How long the effect of one fault is watched for, and then its end, seconds."""

ROUNDS = 3
"""How often a fault is applied and removed where that takes time: proxies that ask now and then have another lag each
time."""

MOST_FAULTS = 2
"""So many are tried where the effect of the first is not seen."""

_DRAWN = 500

_SLOW_MS = 2_000
"""A longer delay is as clear as this one, and takes longer to watch."""

_ALIKE = 1.25
"""The effect of a fault is whole where the next window shows hardly more of it."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_AFTER = 2
"""Windows that are watched after the first that shows it."""

_WHOLE = 0.9
"""Nearly all requests fail, or are a second late: nothing more is to be waited for."""


def unmistakable(session: Session) -> list[tuple[Point, FaultPlan]]:
    """The clearest faults of the space that the guardrails allow, one kind and place each, the clearest first."""
    space, rule = searchable_space(session.config), session.config.guardrails.abort_if
    drawn = space.sample(np.random.default_rng(0), _DRAWN)
    found = [(point, plan) for point in drawn for plan in space.plans(point)]
    if rule is not None:  # what is to end the session must not do so before it has begun
        found = [(point, plan) for point, plan in found if (plan.wait_ms > 0) != (rule.field == "latency_ms")]
    found.sort(key=lambda each: -_clearness(session, each[1]))
    chosen = found[:1]
    if chosen:
        _, first = chosen[0]
        others = [each for each in found if each[1].fault_type != first.fault_type] or found
        elsewhere = [each for each in others if _place(each[1]) != _place(first)]
        chosen += (elsewhere or [each for each in others if each[1].fault_type != first.fault_type])[: MOST_FAULTS - 1]
    return chosen


def _place(plan: FaultPlan) -> tuple[str | None, str]:
    return plan.target_service, plan.target_path


def _clearness(session: Session, plan: FaultPlan) -> float:
    """How surely the fault shows in a window, about 0 to 3: whether requests pass its place counts most."""
    takes = 1.0 if plan.wait_ms == 0 else 0.9 if plan.wait_ms <= _SLOW_MS else 0.7
    return _passed(session, plan) + clearness(plan, session.baseline) * takes * plan.percentage / 100


def _passed(session: Session, plan: FaultPlan) -> float:
    """Whether requests of the fault-free windows pass the fault's place, as far as can be told; 0 to 2."""
    if plan.headers:
        return 0.0
    spans = [span for kind in session.normal.kinds for trace in session.normal.traces(kind) for span in trace]
    service, path = plan.target_service, plan.target_path
    is_asked = any(
        request.path.startswith(path) and plan.target_method in (None, request.method)
        for request in getattr(session.config.observer, "requests", ())
    )
    if service is None:
        by_service = 1.0
    elif session.normal.tells_of(service):
        own = [span.operation for span in spans if service in span.operation]
        methods = [operation for operation in own if any(method in operation for method in _METHODS)]
        by_service = 1.0 if not methods or any((plan.target_method or "") in each for each in methods) else 0.2
    else:
        by_service = 0.0 if session.normal.services else 0.5
    by_path = 1.0 if path == "/" or is_asked or any(path in span.operation for span in spans) else 0.0
    return by_service + by_path


_STRUCTURE = 2.0
"""Points of the structure's score that a fault-free window has not: where a call is failed or left out unseen."""


def moved(session: Session, seen: RawObservation, plans: Sequence[FaultPlan]) -> float:
    """How far a window is from one without a fault, also by the calls in its traces, where it has any; 0 by chance."""
    usual = session.baseline or seen
    by_structure = _structure(session, seen) - _structure(session, usual)
    by_answers = effect(seen, usual, sum(plan.wait_ms for plan in plans))
    return max(by_answers, by_structure / 10 if by_structure >= _STRUCTURE else 0.0)


def _structure(session: Session, seen: RawObservation) -> float:
    return session.analyzer.calculate_severity(seen, session.normal).structure_score


Look = Callable[[], tuple[datetime, float]]
"""Brings a window that begins now or later: when it began, and how far it is from one without a fault."""

PAUSE_S = 0.1
"""Between two looks, seconds: no more load than a session makes."""


def until_in_force(look: Look, since: datetime, deadline: Deadline) -> tuple[float, int] | None:
    """Seconds from `since` until windows show the effect of the fault; None: not before the deadline.

    0 where the first one does: a trial's own window would have, too. Where the fault meets few requests, windows show
    nothing of it by chance; second is how many of them may do so in a row.
    """
    seen: list[tuple[datetime, float]] = []
    for window in _windows(look, deadline):
        seen.append(window)
        if len(seen) == 1 and window[1] >= _WHOLE:
            return 0.0, 0
        first = next((place for place, (_, moved) in enumerate(seen) if moved), len(seen))
        after = [moved for _, moved in seen[first + 1 :]]
        if len(after) < _AFTER:
            continue
        if not any(after):
            seen = [*seen[:first], (seen[first][0], 0.0), *seen[first + 1 :]]  # what came once was chance
            continue
        misses = max(len(run) for run in "".join("x" if moved else " " for moved in after).split("x"))
        if first and first <= misses:
            return 0.0, misses
        began = first + (after[0] > _ALIKE * seen[first][1])  # before that it was not whole
        return (max(0.0, (seen[began][0] - since).total_seconds()) if began else 0.0), misses
    return None


def until_gone(look: Look, since: datetime, deadline: Deadline, clean: int = 2) -> float | None:
    """Seconds from `since` until windows show nothing of the fault; None: not before the deadline.

    Args:
        clean: how many in a row have to.
    """
    run: list[datetime] = []
    for number, (began, moved) in enumerate(_windows(look, deadline), start=1):
        run = [] if moved else [*run, began]
        if len(run) == clean:
            return 0.0 if number == clean else max(0.0, (run[0] - since).total_seconds())
    return None


def _windows(look: Look, deadline: Deadline) -> Iterator[tuple[datetime, float]]:
    while deadline.left_s() > 0:
        with suppress(ExecutorError, TimeoutError):
            yield look()
        time.sleep(PAUSE_S)
