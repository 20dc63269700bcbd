"""Values: what they accept, what they refuse, and how they read to a person."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import RawObservation, SeverityScore, StepDurations, Trial

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["delay", "DELAY", "Delay"])
def test_fault_types_are_read_in_any_case(text):
    assert FaultPlan(fault_type=text, delay_ms=5).fault_type == "delay"


def test_defaults_are_every_request():
    plan = FaultPlan(fault_type="abort")
    assert (plan.target_path, plan.target_method, plan.target_service, plan.percentage) == ("/", None, None, 100)
    assert plan.abort_status_code == 500


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"percentage": -1}, "percentage"),
        ({"percentage": 100.5}, "percentage"),
        ({"percentage": float("nan")}, "percentage"),
        ({"delay_ms": 0}, "delay_ms"),
        ({"delay_ms": -5}, "delay_ms"),
        ({"delay_ms": None}, "delay_ms"),
        ({"delay_seconds": "soon"}, "delay_ms"),
        ({"delay_seconds": 1, "delay_ms": 1}, "delay_seconds"),
        ({"fault_type": "explode"}, "fault_type"),
        ({"target_path": ""}, "target_path"),
        ({"duration_seconds": 0}, "duration_seconds"),
        ({"start_delay_ms": -1}, "start_delay_ms"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_impossible_plans_are_refused_by_field(fields, named):
    with pytest.raises(ValidationError, match=named):
        FaultPlan.model_validate({"fault_type": "delay", "delay_ms": 10, **fields})


@pytest.mark.parametrize("status", [199, 600])
def test_abort_status_must_be_one_that_http_can_send(status):
    with pytest.raises(ValidationError, match="abort_status_code"):
        FaultPlan(fault_type="abort", abort_status_code=status)


def test_other_names_are_the_same_fields():
    plan = FaultPlan.model_validate({"fault_type": "abort", "api": "/pay", "abort_http_status": 418})
    assert (plan.target_path, plan.abort_status_code) == ("/pay", 418)
    assert FaultPlan.model_validate({"fault_type": "delay", "delay_seconds": 0.25}).delay_ms == 250
    plan = FaultPlan.model_validate({"fault_type": "error_injection", "error_type": "db down"})
    assert plan.error_message == "db down"


def test_fields_of_another_fault_type_are_ignored():
    plan = FaultPlan(fault_type="abort", delay_ms=-5, abort_status_code=503)
    assert plan.delay_ms is None
    assert FaultPlan(fault_type="delay", delay_ms=5, abort_status_code=9999).abort_status_code is None


def test_a_plan_reads_as_one_line():
    plan = FaultPlan(
        fault_type="delay", delay_ms=250, target_method="get", target_service="payments", target_path="/charge",
        percentage=80,
    )  # fmt: skip
    assert str(plan) == "delay 250 ms on GET payments/charge, 80 %"
    assert "delay 250 ms" in repr(plan)


@given(
    st.builds(
        dict,
        fault_type=st.sampled_from(["delay", "abort", "error_injection", "rate_limit"]),
        percentage=st.floats(0, 100),
        delay_ms=st.integers(1, 10**6),
        abort_status_code=st.integers(200, 599),
        headers=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
        target_path=st.text(min_size=1, max_size=9),
    )
)
def test_plans_survive_json(fields):
    plan = FaultPlan.model_validate(fields)
    assert FaultPlan.model_validate_json(plan.model_dump_json()) == plan


def trial(score=None, **observed):
    observation = RawObservation(timestamp=NOW, **observed) if observed else None
    return Trial(
        session_id="s", trial=1, status="scored", phase="search", started_at=NOW, finished_at=NOW, point={},
        observation=observation, score=score, durations=StepDurations(),
    )  # fmt: skip


def score(total, fallback=()):
    return SeverityScore(
        total_score=total, bug_score=total, performance_score=0, structure_score=0, fallback=tuple(fallback)
    )


def test_only_real_scores_with_status_and_latency_train():
    assert trial(score(3), status_code=200, latency_ms=5.0).trains
    assert not trial(score(3), status_code=200).trains
    assert not trial(score(3), latency_ms=5.0).trains
    assert not trial(score(5, fallback=["bug"]), status_code=200, latency_ms=5.0).trains
    assert not trial(None, status_code=200, latency_ms=5.0).trains
