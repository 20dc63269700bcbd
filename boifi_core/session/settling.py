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
from boifi_core.session.preflight.base import services_in
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
"""The effect of a fault is whole where the next window shows hardly more of it,"""

_WHOLE = 0.9
"""or where nearly all requests fail, or are a second late."""


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
    services = services_in(session.normal)
    service, path = plan.target_service, plan.target_path
    is_asked = any(
        request.path.startswith(path) and plan.target_method in (None, request.method)
        for request in getattr(session.config.observer, "requests", ())
    )
    by_service = 1.0 if service is None or service in services else 0.0 if services else 0.5
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


def until_in_force(look: Look, since: datetime, deadline: Deadline) -> float | None:
    """Seconds from `since` until windows show the whole effect of the fault; None: not before the deadline.

    0 where the first one does: a trial's own window would have, too.
    """
    return _until(look, since, deadline, lambda now: now >= _WHOLE, lambda before, now: 0 < now <= _ALIKE * before)


def until_gone(look: Look, since: datetime, deadline: Deadline, *, is_quick: bool = False) -> float | None:
    """Seconds from `since` until windows show nothing of the fault; None: not before the deadline.

    Args:
        is_quick: whether one window is enough if it is the first, since the fault had taken hold at once.
    """
    return _until(look, since, deadline, lambda now: is_quick and now == 0, lambda before, now: before == now == 0)


def _until(
    look: Look,
    since: datetime,
    deadline: Deadline,
    is_so_at_once: Callable[[float], bool],
    is_so: Callable[[float, float], bool],
) -> float | None:
    """From when on windows are so: by the first alone, or by two in a row."""
    first = before = None
    for seen in _windows(look, deadline):
        if first is None and is_so_at_once(seen[1]):
            return 0.0
        first = first or seen
        if before is not None and is_so(before[1], seen[1]):
            return 0.0 if before is first else max(0.0, (before[0] - since).total_seconds())
        before = seen
    return None


def _windows(look: Look, deadline: Deadline) -> Iterator[tuple[datetime, float]]:
    while deadline.left_s() > 0:
        with suppress(ExecutorError, TimeoutError):
            yield look()
        time.sleep(PAUSE_S)
