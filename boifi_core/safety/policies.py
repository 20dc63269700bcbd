"""A trial's policies: what they are called, how long they live, and how they are taken away."""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from boifi_core.errors import ExecutorError
from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.base import Injector
from boifi_core.safety.pauses import Deadline

CALL_TIMEOUT_S = 10.0
"""The limit for one call to the control plane, seconds, unless the injector's own is shorter."""

CLEAR_TIMEOUT_S = 15.0
"""How long removing a trial's policies, or a session's sweep, is tried, seconds; after that they are left to expire."""

CLEAR_MARGIN_S = 10.0
"""How much longer than its trial's time-outs a policy lives when nobody removes it, seconds."""

_NAME = re.compile(r"boifi-(?P<session>[0-9a-f]{8})-\d+(-\d+)?")


def prefix(session_id: str) -> str:
    """What the names of all policies of a session begin with."""
    return f"boifi-{session_id[:8]}-"


def policy_names(session_id: str, trial: int, count: int) -> list[str]:
    """The names of a trial's policies: `boifi-3f2a9c1e-0007`, with `-<n>` after it where there are several."""
    name = f"{prefix(session_id)}{trial:04d}"
    return [name] if count == 1 else [f"{name}-{n}" for n in range(1, count + 1)]


def session_of(policy_name: str) -> str | None:
    """The first eight characters of the id of the session that a policy is of; None if it is not ours."""
    match = _NAME.fullmatch(policy_name)
    return match["session"] if match else None


def trial_timeout_s(plans: int, observe_timeout_s: float) -> float:
    """How long a trial may take from its first policy to its observation, seconds."""
    return plans * CALL_TIMEOUT_S + observe_timeout_s


def with_expiry(plans: Sequence[FaultPlan], observe_timeout_s: float) -> tuple[FaultPlan, ...]:
    """The plans with the expiry that ends them if everything of ours is dead: soon after their trial's time-outs.

    A longer one that the plan has already stays; a shorter one would end the fault before it was observed.
    """
    expiry_s = math.ceil(trial_timeout_s(len(plans), observe_timeout_s) + CLEAR_MARGIN_S)
    return tuple(
        plan.model_copy(update={"duration_seconds": max(plan.duration_seconds or 0, expiry_s)}) for plan in plans
    )


def clear_all(injector: Injector, names: Iterable[str], *, timeout_s: float) -> list[str]:
    """Remove these policies, trying again while that can help; returns why each that is left is left.

    It runs where a trial ends for whatever reason, so it raises nothing of the injector's.
    """
    deadline = Deadline(timeout_s)
    left = []
    for name in names:
        error = _try_until(deadline, partial(_clear, injector, name))
        if error is not None:
            left.append(f"policy {name} is not removed: {error}")
    return left


def sweep(injector: Injector, is_dead: Callable[[str], bool], *, timeout_s: float) -> list[str]:
    """Remove the policies of dead sessions; returns the names removed.

    Args:
        is_dead: tells from the first eight characters of a session's id whether nobody holds it any more.
        timeout_s: limit for all of it, seconds.

    Raises:
        ExecutorError: the list could not be had, or a policy not removed, in that time.
    """
    deadline = Deadline(timeout_s)
    names: list[str] = []
    error = _try_until(deadline, lambda left_s: names.extend(injector.list(timeout_s=left_s)))
    if error is not None:
        raise error
    ours = [name for name in names if (session := session_of(name)) is not None and is_dead(session)]
    left = clear_all(injector, ours, timeout_s=max(deadline.left_s(), 1.0))
    if left:
        raise ExecutorError("; ".join(left))
    return ours


def in_force(injector: Injector) -> list[str]:
    """The names of all policies in force, whoever made them.

    Raises:
        ExecutorError: the list could not be had in time.
    """
    names: list[str] = []
    deadline = Deadline(CLEAR_TIMEOUT_S)
    error = _try_until(deadline, lambda left_s: names.extend(injector.list(timeout_s=left_s)))
    if error is not None:
        raise error
    return names


def _clear(injector: Injector, name: str, timeout_s: float) -> None:
    injector.clear(name, timeout_s=timeout_s)


def _try_until(deadline: Deadline, call: Callable[[float], None]) -> ExecutorError | None:
    """Call with the seconds left, again with growing pauses while that can help; the last error if none went well."""
    pause_s = 0.05
    while True:
        try:
            call(max(min(deadline.left_s(), CALL_TIMEOUT_S), 1.0))
        except ExecutorError as error:
            pause_s = min(pause_s * 2, 2.0) * random.uniform(0.5, 1.0)
            if not error.safe_to_retry or pause_s >= deadline.left_s():
                return error
            time.sleep(pause_s)
        else:
            return None
