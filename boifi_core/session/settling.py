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

MOST_FAULTS = 3
"""So many are tried where the effect of the first is not seen."""

_DRAWN = 500

_SLOW_MS = 2_000
"""A longer delay is as clear as this one, and takes longer to watch."""

_ALIKE = 1.25
"""The effect of a fault is whole where the next window shows hardly more of it."""

_AT_ONCE_S = 0.5
"""A first window that begins later, on a busy machine, does not tell what one that begins at once would show."""

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
    # Another kind and another place, as far as there are any: what hides one fault may not hide the next.
    for is_fresh in (_is_other_in_both, _is_elsewhere, _is_other_kind):
        for each in found:
            if len(chosen) < MOST_FAULTS and all(is_fresh(each[1], one[1]) for one in chosen):
                chosen.append(each)
    return chosen


def _is_other_in_both(plan: FaultPlan, other: FaultPlan) -> bool:
    return _is_other_kind(plan, other) and _is_elsewhere(plan, other)


def _is_other_kind(plan: FaultPlan, other: FaultPlan) -> bool:
    return plan.fault_type != other.fault_type


def _is_elsewhere(plan: FaultPlan, other: FaultPlan) -> bool:
    return _place(plan) != _place(other)


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
    service, path = plan.target_service, plan.target_path
    is_asked = any(
        request.path.startswith(path) and plan.target_method in (None, request.method)
        for request in getattr(session.config.observer, "requests", ())
    )
    if service is None:
        by_service = 1.0
    elif session.normal.tells_of(service):
        by_service = session.normal.nearness(service, plan.target_method)
    else:
        by_service = 0.0 if session.normal.services else 0.5
    by_path = 1.0 if path == "/" or is_asked or session.normal.names(path) else 0.0
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

    0 where the first one does that began at once: a trial's own window would have, too. Where the fault meets few
    requests, windows show nothing of it by chance; second is how many of them may do so in a row.
    """
    seen: list[tuple[datetime, float]] = []
    for window in _windows(look, deadline):
        seen.append(window)
        if len(seen) == 1 and window[1] >= _WHOLE:
            return _lag_s(window[0], since), 0
        first = next((place for place, (_, moved) in enumerate(seen) if moved), len(seen))
        after = [moved for _, moved in seen[first + 1 :]]
        if len(after) < _AFTER:
            continue
        if not any(after):
            seen = [*seen[:first], (seen[first][0], 0.0), *seen[first + 1 :]]  # what came once was chance
            continue
        misses = max(len(run) for run in "".join("x" if moved else " " for moved in after).split("x"))
        if first and first <= misses:
            return _lag_s(seen[0][0], since), misses
        began = first + (after[0] > _ALIKE * seen[first][1])  # before that it was not whole
        return (max(0.0, (seen[began][0] - since).total_seconds()) if began else _lag_s(seen[0][0], since)), misses
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
            return _lag_s(run[0], since) if number == clean else max(0.0, (run[0] - since).total_seconds())
    return None


def _lag_s(first: datetime, since: datetime) -> float:
    """The lag where the first window shows it: none, unless that window began too late to tell."""
    began_s = (first - since).total_seconds()
    return 0.0 if began_s <= _AT_ONCE_S else began_s


def _windows(look: Look, deadline: Deadline) -> Iterator[tuple[datetime, float]]:
    while deadline.left_s() > 0:
        with suppress(ExecutorError, TimeoutError):
            yield look()
        time.sleep(PAUSE_S)
