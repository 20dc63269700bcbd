"""What guardrails forbid."""

from datetime import UTC, datetime

import pytest

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import RawObservation
from boifi_core.safety.guardrails import Guardrails, ends_session, objection


def plan(**fields):
    return FaultPlan.model_validate({"fault_type": "delay", "delay_ms": 100, "target_service": "cart", **fields})


@pytest.mark.parametrize(
    ("rails", "forbidden", "allowed"),
    [
        ({"max_percentage": 50}, {"percentage": 51}, {"percentage": 50}),
        ({"max_percentage": 11.5}, {"percentage": 11.5}, {"percentage": 11}),
        ({"max_percentage": 1}, {"percentage": 1.2}, {"percentage": 0.5}),
        ({"max_delay_ms": 200}, {"delay_ms": 201}, {"delay_ms": 200}),
        ({"max_delay_ms": 200}, {"delay_ms": 150, "start_delay_ms": 51}, {"delay_ms": 150, "start_delay_ms": 50}),
        ({"protected_services": ["payments"]}, {"target_service": "payments"}, {"target_service": "cart"}),
        ({"protected_services": ["payments"]}, {"target_service": None}, {}),
        ({"protected_services": ["payments"]}, {"target_service": "*"}, {}),
        ({"protected_paths": ["/charge"]}, {"target_path": "/charge/card"}, {"target_path": "/stock"}),
        ({"protected_paths": ["/charge"]}, {"target_path": "/"}, {"target_path": "/charm"}),
        ({"protected_paths": ["/charge"]}, {"target_path": "^/cha.*"}, {"target_path": "/cart"}),
    ],
)
def test_a_plan_beyond_a_rail_is_objected_to_by_name(rails, forbidden, allowed):
    guardrails = Guardrails.model_validate(rails)
    (rail,) = rails
    assert objection(plan(**forbidden), guardrails).startswith(rail)
    assert objection(plan(**allowed), guardrails) is None


def test_without_guardrails_everything_is_allowed():
    assert objection(FaultPlan(fault_type="abort"), Guardrails()) is None


def test_abort_if_ends_the_session_on_what_was_observed():
    rails = Guardrails.model_validate({"abort_if": {"field": "error_rate", "operator": "greater_than", "value": 0.5}})
    now = datetime.now(UTC)
    assert ends_session(RawObservation(timestamp=now, error_rate=0.5), rails) is None
    assert ends_session(RawObservation(timestamp=now), rails) is None
    reason = ends_session(RawObservation(timestamp=now, error_rate=0.75), rails)
    assert reason == "guardrails.abort_if: error_rate greater than 0.5, observed 0.75"
