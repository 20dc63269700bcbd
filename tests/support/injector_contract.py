"""Promises every injector keeps, whatever takes its policies."""

from __future__ import annotations

import time
import uuid

import pytest

from boifi_core.errors import ExecutorUnreachable, InvalidInput
from boifi_core.faults.plan import FaultPlan

LIMIT_S = 10.0

PLANS = {
    "delay": {"fault_type": "delay", "delay_ms": 250, "target_path": "/ratings", "target_method": "GET"},
    "abort": {"fault_type": "abort", "abort_status_code": 503, "percentage": 40},
    "error injection": {"fault_type": "error_injection", "abort_status_code": 500, "error_message": "db down"},
    "regular expression": {"fault_type": "abort", "target_path": "^/(stock|reserve)/", "percentage": 12.5},
    "service and header": {
        "fault_type": "delay",
        "delay_ms": 30_000,
        "target_service": "payments",
        "headers": {"end-user": "jason"},
        "percentage": 0.2,
    },
}


class InjectorContract:
    """Subclasses supply two fixtures: `injector`, one that works, and `unreachable`, one whose other side is away."""

    @pytest.fixture
    def name(self, injector):
        name = f"boifi-{uuid.uuid4().hex[:8]}-1"
        yield name
        injector.clear(name, timeout_s=LIMIT_S)

    @pytest.fixture(params=PLANS.values(), ids=PLANS)
    def plan(self, request, injector):
        return injector.as_sent(FaultPlan.model_validate({**request.param, "duration_seconds": 60}))

    def test_what_is_sent_is_sent_unchanged(self, injector, plan):
        assert injector.as_sent(plan) == plan
        assert plan.percentage > 0

    def test_what_is_applied_is_listed_until_it_is_cleared(self, injector, name, plan):
        assert name not in injector.list(timeout_s=LIMIT_S)
        injector.apply(name, plan, timeout_s=LIMIT_S)
        assert name in injector.list(timeout_s=LIMIT_S)
        injector.clear(name, timeout_s=LIMIT_S)
        assert name not in injector.list(timeout_s=LIMIT_S)

    def test_applying_again_replaces(self, injector, name, plan):
        for _ in range(3):
            injector.apply(name, plan, timeout_s=LIMIT_S)
        assert injector.list(timeout_s=LIMIT_S).count(name) == 1

    def test_what_is_gone_counts_as_cleared(self, injector, name, plan):
        injector.clear(name, timeout_s=LIMIT_S)
        injector.apply(name, plan, timeout_s=LIMIT_S)
        injector.clear(name, timeout_s=LIMIT_S)
        injector.clear(name, timeout_s=LIMIT_S)

    def test_several_are_in_force_together(self, injector, name):
        plan = injector.as_sent(FaultPlan.model_validate({**PLANS["abort"], "duration_seconds": 60}))
        names = [f"{name}-{number}" for number in range(3)]
        try:
            for each in names:
                injector.apply(each, plan, timeout_s=LIMIT_S)
            assert set(names) <= set(injector.list(timeout_s=LIMIT_S))
            injector.clear(names[1], timeout_s=LIMIT_S)
            left = injector.list(timeout_s=LIMIT_S)
            assert {names[0], names[2]} <= set(left)
            assert names[1] not in left
        finally:
            for each in names:
                injector.clear(each, timeout_s=LIMIT_S)

    def test_it_ends_by_itself_after_its_duration(self, injector, name):
        plan = injector.as_sent(FaultPlan.model_validate({**PLANS["delay"], "duration_seconds": 1}))
        injector.apply(name, plan, timeout_s=LIMIT_S)
        assert name in injector.list(timeout_s=LIMIT_S)
        deadline = time.monotonic() + 10
        while name in injector.list(timeout_s=LIMIT_S):
            assert time.monotonic() < deadline, "still in force 10 s later"
            time.sleep(0.1)

    def test_a_policy_without_an_end_is_refused(self, injector, name):
        with pytest.raises(InvalidInput, match="duration_seconds"):
            injector.apply(name, FaultPlan.model_validate(PLANS["delay"]), timeout_s=LIMIT_S)
        assert name not in injector.list(timeout_s=LIMIT_S)

    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("fault_type", {"fault_type": "rate_limit"}),
            ("delay_ms", {"fault_type": "delay", "delay_ms": 10_000_000}),
            ("parameters", {"fault_type": "abort", "parameters": {"color": "red"}}),
        ],
    )
    def test_what_it_cannot_express_is_refused_by_name(self, injector, field, change):
        plan = FaultPlan.model_validate({**change, "duration_seconds": 60})
        able = injector.capabilities
        if field == "fault_type" and plan.fault_type in able.fault_types:
            pytest.skip("it can")
        if field == "parameters" and able.parameters:
            pytest.skip("it can")
        with pytest.raises(InvalidInput) as error:
            injector.as_sent(plan)
        assert error.value.field == field

    def test_health_is_silent_when_all_is_well(self, injector):
        assert injector.health(timeout_s=LIMIT_S) is None

    def test_every_call_says_when_nobody_is_there(self, unreachable):
        plan = unreachable.as_sent(FaultPlan.model_validate({**PLANS["abort"], "duration_seconds": 60}))
        calls = [
            lambda: unreachable.apply("boifi-00000000-1", plan, timeout_s=LIMIT_S),
            lambda: unreachable.clear("boifi-00000000-1", timeout_s=LIMIT_S),
            lambda: unreachable.list(timeout_s=LIMIT_S),
            lambda: unreachable.health(timeout_s=LIMIT_S),
        ]
        for call in calls:
            with pytest.raises(ExecutorUnreachable) as error:
                call()
            assert error.value.safe_to_retry
            assert "\n" not in str(error.value)

    def test_closing_again_is_harmless(self, injector):
        injector.close()
        injector.close()
