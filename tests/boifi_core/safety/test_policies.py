"""Names, expiry and removal of policies."""

import re

import pytest

from boifi_core.errors import ExecutorError, ExecutorRejected, ExecutorUnreachable
from boifi_core.faults.plan import FaultPlan
from boifi_core.safety.policies import (
    CLEAR_MARGIN_S,
    clear_all,
    policy_names,
    session_of,
    sweep,
    trial_timeout_s,
    with_expiry,
)

SESSION = "3f2a9c1e-1111-4222-8333-444455556666"


class Plane:
    """A control plane in memory whose calls fail as often as a test says; the real one is in the executor's tests."""

    def __init__(self, *names, failures=0, error=None):
        self.names = list(names)
        self.failures = failures
        self.error = error or ExecutorUnreachable("cut")

    def _maybe_fail(self):
        if self.failures:
            self.failures -= 1
            raise self.error

    def list(self, *, timeout_s):
        self._maybe_fail()
        return list(self.names)

    def clear(self, name, *, timeout_s):
        self._maybe_fail()
        if name in self.names:
            self.names.remove(name)


def test_names_tell_session_and_trial():
    assert policy_names(SESSION, 7, 1) == ["boifi-3f2a9c1e-0007"]
    assert policy_names(SESSION, 7, 2) == ["boifi-3f2a9c1e-0007-1", "boifi-3f2a9c1e-0007-2"]
    for name in [*policy_names(SESSION, 12345, 3), *policy_names(SESSION, 1, 1)]:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{1,61}[A-Za-z0-9_]", name)
        assert session_of(name) == "3f2a9c1e"


@pytest.mark.parametrize("name", ["other", "boifi-", "boifi-xyz-0001", "boifi-3f2a9c1e", "my-boifi-3f2a9c1e-0001"])
def test_names_of_others_are_not_ours(name):
    assert session_of(name) is None


def test_expiry_outlasts_the_trials_timeouts_and_not_by_much():
    plans = [FaultPlan(fault_type="abort")] * 2
    limit = trial_timeout_s(2, 30)
    for plan in with_expiry(plans, 30):
        assert limit < plan.duration_seconds <= limit + CLEAR_MARGIN_S + 1


@pytest.mark.parametrize(("asked", "sent"), [(600, 600), (1, 50)])
def test_a_duration_that_the_user_chose_stays_if_it_outlasts_the_trial(asked, sent):
    (plan,) = with_expiry([FaultPlan(fault_type="abort", duration_seconds=asked)], 30)
    assert plan.duration_seconds == sent


def test_clearing_tries_again_until_it_is_done():
    plane = Plane("a", "b", failures=3)
    assert clear_all(plane, ["a", "b"], timeout_s=10) == []
    assert plane.names == []


def test_what_cannot_be_cleared_is_told_and_the_rest_is_cleared():
    plane = Plane("a", "b", failures=1, error=ExecutorRejected("no"))
    assert clear_all(plane, ["a", "b"], timeout_s=10) == ["policy a is not removed: no"]
    assert plane.names == ["a"]


def test_clearing_gives_up_in_time():
    left = clear_all(Plane("a", failures=10**9), ["a"], timeout_s=0.5)
    assert left == ["policy a is not removed: cut"]


def test_a_sweep_removes_the_dead_and_leaves_the_living_and_the_others():
    plane = Plane("boifi-3f2a9c1e-0001", "boifi-aaaaaaaa-0002-1", "somebody-else")
    assert sweep(plane, lambda session: session == "3f2a9c1e", timeout_s=5) == ["boifi-3f2a9c1e-0001"]
    assert plane.names == ["boifi-aaaaaaaa-0002-1", "somebody-else"]


def test_a_sweep_that_cannot_ask_says_so():
    with pytest.raises(ExecutorError, match="cut"):
        sweep(Plane(failures=10**9), lambda session: True, timeout_s=0.3)
