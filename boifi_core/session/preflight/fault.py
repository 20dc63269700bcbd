"""Does a fault of almost nothing take hold in the control plane, and go?"""

from __future__ import annotations

import time

import numpy as np

from boifi_core.errors import BoifiError, ExecutorError
from boifi_core.faults.kinds import KINDS
from boifi_core.faults.plan import FaultPlan
from boifi_core.safety.guardrails import objection
from boifi_core.safety.pauses import Deadline
from boifi_core.safety.policies import CALL_TIMEOUT_S, CLEAR_TIMEOUT_S, clear_all
from boifi_core.session.learning import searchable_space
from boifi_core.session.preflight.base import Line, Sight, failed, passed, warned

EXPIRY_S = 60
"""The policy's own end, if nobody removes it, seconds."""

LISTED_WITHIN_S = 5.0
"""How long the list may take to say what the control plane has answered, seconds."""

_PAUSE_S = 0.1
_DRAWN = 200


def fault(sight: Sight) -> Line:
    """It is in the list once it was taken, and in it no more once it was removed."""
    if sight.alone is not None:
        return warned(f"not tried: {sight.alone} has the target", "check again when it has ended")
    plan = mildest(sight)
    if plan is None:
        return warned("not tried: the guardrails allow none so mild", "the first trial will tell")
    line, timeout_s = None, min(CALL_TIMEOUT_S, sight.config.executor.timeout_s)
    try:
        sight.injector.apply(sight.policy, plan, timeout_s=timeout_s)
        if not _is_listed(sight, True):
            text = f"{plan} was taken, but is not in the list"
            line = failed(text, "see whether executor.endpoint is the control plane itself")
    except BoifiError as error:
        line = failed(f"{plan} was not taken: {error}", "see the control plane's log")
    finally:
        left = clear_all(sight.injector, [sight.policy], timeout_s=CLEAR_TIMEOUT_S)
    if left:
        return failed("; ".join(left), f"it ends by itself after {EXPIRY_S} s; boifi sweep removes it")
    if line is not None:
        return line
    if not _is_listed(sight, False):
        return failed(f"{plan} was removed, but is still in the list", "see the control plane's log")
    return passed(f"{plan} was taken and removed")


def mildest(sight: Sight) -> FaultPlan | None:
    """A fault of almost nothing at a place of the space: 1 ms for 1 % of the requests, where the injector can delay.

    Else the space's own with the fewest requests; None where the guardrails allow none of them.
    """
    space, rails = searchable_space(sight.config), sight.config.guardrails
    drawn = [plan for point in space.sample(np.random.default_rng(0), _DRAWN) for plan in space.plans(point)]
    drawn.sort(key=lambda plan: (plan.percentage, plan.strength))
    chosen = (each for plan in drawn for each in (_next_to_nothing(plan, sight), plan) if each is not None)
    plan = next((each for each in chosen if objection(each, rails) is None), None)
    if plan is None:
        return None
    return sight.injector.as_sent(plan).model_copy(update={"duration_seconds": EXPIRY_S})


def _next_to_nothing(plan: FaultPlan, sight: Sight) -> FaultPlan | None:
    known = ((name, KINDS[name].milder) for name in KINDS if name in sight.injector.capabilities.fault_types)
    wait = next(((name, field.name) for name, field in known if field is not None and field.is_wait), None)
    if wait is None:
        return None
    place = plan.model_dump(include={"target_path", "target_method", "target_service", "headers"})
    return FaultPlan(fault_type=wait[0], percentage=1, **{wait[1]: 1}, **place)


def _is_listed(sight: Sight, wanted: bool) -> bool:
    """Whether the list comes to say so."""
    deadline = Deadline(LISTED_WITHIN_S)
    while True:
        try:
            if (sight.policy in sight.injector.list(timeout_s=CALL_TIMEOUT_S)) == wanted:
                return True
        except ExecutorError:
            pass
        if deadline.left_s() <= _PAUSE_S:
            return False
        time.sleep(_PAUSE_S)
