import json
from pathlib import Path

import pytest
from hfi_policy import read_policy
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.hfi.policy_document import as_sent, policy

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))

plans = st.builds(
    lambda kind, **fields: FaultPlan.model_validate({**fields, **kind}),
    st.one_of(
        st.builds(lambda ms: {"fault_type": "delay", "delay_ms": ms}, st.integers(1, 30_000)),
        st.builds(lambda status: {"fault_type": "abort", "abort_status_code": status}, st.integers(200, 599)),
        st.builds(lambda text: {"fault_type": "error_injection", "error_message": text}, st.text(max_size=20)),
    ),
    percentage=st.floats(0, 100),
    target_path=st.sampled_from(["/", "/ratings", "^/(a|b)/[0-9]+$"]),
    target_method=st.sampled_from([None, "GET", "post"]),
    target_service=st.sampled_from([None, "ratings"]),
    headers=st.dictionaries(st.sampled_from(["end-user", "x-canary"]), st.text(min_size=1, max_size=5)),
    duration_seconds=st.integers(1, 600),
    start_delay_ms=st.integers(0, 5_000),
)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden(file):
    case = json.loads(file.read_text())
    made = policy(case["name"], FaultPlan.model_validate(case["plan"]))
    assert json.dumps(made, sort_keys=True) == json.dumps(case["policy"], sort_keys=True)


def test_there_is_a_golden_file_for_each_sort_of_plan():
    assert [file.stem for file in GOLDEN] == ["abort", "delay", "error_injection", "regex"]


@settings(deadline=None)
@given(plans, st.sampled_from(["fixed_delay", "fixed_delay_ms"]))
def test_every_plan_is_taken_by_a_strict_control_plane_and_means_the_same(plan, delay_field):
    (fault,) = read_policy(json.loads(json.dumps(policy("boifi-3f2a9c1e-0007", plan))), delay_field=delay_field)
    sent = as_sent(plan)
    assert fault.percentage == sent.percentage
    assert fault.delay_ms == sent.delay_ms
    assert fault.abort_status == sent.abort_status_code
    assert fault.service == (plan.target_service or "*")
    assert (fault.duration_seconds, fault.start_delay_ms) == (plan.duration_seconds, plan.start_delay_ms)
    assert fault.headers == tuple((name, "exact", value) for name, value in plan.headers.items() if value)


@settings(deadline=None)
@given(plans)
def test_a_percentage_is_rounded_to_a_whole_one_and_never_to_none(plan):
    sent = as_sent(plan)
    assert sent.percentage.is_integer()
    assert abs(sent.percentage - plan.percentage) <= 0.5 or sent.percentage == 1
    assert (sent.percentage == 0) == (plan.percentage == 0)
    assert as_sent(sent) == sent


@pytest.mark.parametrize(
    ("percentage", "sent"), [(0, 0), (1e-9, 1), (0.5, 1), (1.4, 1), (12.5, 13), (13.5, 14), (99.5, 100), (100, 100)]
)
def test_rounding(percentage, sent):
    assert as_sent(FaultPlan(fault_type="abort", percentage=percentage)).percentage == sent


def test_the_rest_of_the_plan_stays():
    plan = FaultPlan(fault_type="error_injection", error_message="db down", percentage=33.3, target_path="^/a")
    assert as_sent(plan) == plan.model_copy(update={"percentage": 33.0, "error_message": None})


@pytest.mark.parametrize("name", ["a-b", "boifi-3f2a9c1e-0007-2", "_x_", "a" * 63])
def test_names_that_the_wire_allows(name):
    plan = FaultPlan(fault_type="abort", duration_seconds=5)
    assert policy(name, plan)["metadata"]["name"] == name


@pytest.mark.parametrize("name", ["", "ab", "a" * 64, "-abc", "abc-", "a b", "a/b", "a.b", "äbc", "abc\n"])
def test_names_that_it_does_not(name):
    with pytest.raises(InvalidInput, match=r"^name: must be 3 to 63"):
        policy(name, FaultPlan(fault_type="abort", duration_seconds=5))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (FaultPlan(fault_type="rate_limit"), "fault_type: must be one that HFI can inject"),
        (FaultPlan(fault_type="delay", delay_ms=30_001), "delay_ms: must be at most 30000 for HFI, got 30001"),
        (FaultPlan(fault_type="abort", parameters={"a": 1}), "parameters: must be empty"),
    ],
)
def test_what_hfi_cannot_express(plan, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        as_sent(plan)
