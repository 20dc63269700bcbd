"""One story about a failure: its words, its kinds of request, its region and its smallest fault agree."""

import pytest
from failures import HEALTHY, ID, found, tried, verifying
from histories import Axis
from meshes import hop, page, unanswered, window
from observations import observed

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Verdict
from boifi_core.findings.catalogue import Evidence, catalogue
from boifi_core.findings.likeness import Failure
from boifi_core.findings.models import Bound
from boifi_core.findings.passes.base import Base
from boifi_core.findings.region import from_on


def broken(status, error_rate=0.9):
    return window(
        page(reviews=unanswered("r", "g", "reviews", "GET /reviews/1", 41, 0), code=status),
        status_code=status,
        error_rate=error_rate,
    )


@pytest.mark.parametrize(
    ("statuses", "severities", "told"),
    [
        ((404, 503, 503, 503), (6.0, 6.0, 6.5, 6.0), 503),  # the worst trial, and the commonest
        ((404, 503, 503, 500), (6.0, 6.0, 6.0, 9.0), 500),  # the worst
        ((502, 504, 502, 502), (7.0, 6.0, 6.0, 6.0), 502),
    ],
)
def test_p7_the_sentence_is_that_of_the_worst_trial(statuses, severities, told):
    trials = [
        tried(number, broken(status), severity, delay_ms=100 + number)
        for number, (status, severity) in enumerate(zip(statuses, severities, strict=True), start=1)
    ]
    (mode,) = found(*trials).modes
    assert f"most requests get {told}" in mode.sentence


def test_p7_where_the_worst_trial_does_not_tell_it_is_that_of_most():
    trials = [tried(n, broken(status), 6.0, delay_ms=100 + n) for n, status in enumerate((404, 503, 503), start=1)]
    worst = tried(4, broken(200, 0.4), 9.0, delay_ms=200)
    (mode,) = found(*trials, worst).modes
    assert "most requests get 503" in mode.sentence


def shop(**kinds):
    """A window with two kinds of request, each with the status that it got."""
    traces = {
        kind: page(code=code, reviews=hop("r", "g", "reviews", f"{kind} /reviews/1", 3, code))
        for kind, code in kinds.items()
    }
    return observed(traces=traces, status_code=max(kinds.values()), error_rate=0.5)


METHODS = ("GET", "POST", "PUT", "PATCH", "HEAD")
WELL = shop(**dict.fromkeys(METHODS, 200))


def by_method(number, methods, severity, percentage=100):
    """A trial whose fault fails these kinds of request of five."""
    kinds = dict.fromkeys(METHODS, 200) | dict.fromkeys(methods, 503)
    trial = tried(number, shop(**kinds), severity, delay_ms=200 - number)
    plans = tuple(plan.model_copy(update={"percentage": percentage}) for plan in trial.plans)
    return trial.model_copy(update={"plans": plans})


@pytest.mark.parametrize(("percentage", "fewer"), [(100, (4,)), (90, (4,)), (60, ())])
def test_p9_a_smaller_fault_fails_the_same_kinds_of_request(percentage, fewer):
    trials = [by_method(n, METHODS, 6.5, percentage) for n in (1, 2, 3)]
    trials.append(by_method(4, METHODS[1:], 2.4, percentage))
    (mode,) = catalogue(trials, Evidence((WELL,)), session_id=ID).modes
    # Of some requests a kind may have been spared by chance: that says nothing.
    assert (mode.trials, mode.fewer_kinds) == ((1, 2, 3, 4), fewer)
    base = Base(trials[0].plans, mode, trials, dict.fromkeys(mode.trials, mode.label), ())
    assert [base.is_shown_by(trial) for trial in trials] == [True, True, True, not fewer]


@pytest.mark.parametrize("other", [None, "POST", "PUT"])
def test_p9_the_method_belongs_to_the_place(other):
    def fault(method):
        return FaultPlan(fault_type="abort", target_service="reviews", target_method=method, abort_status_code=503)

    assert Failure.of((), [fault("GET")]).places != Failure.of((), [fault(other)]).places


@pytest.mark.parametrize(
    ("bound", "plan", "told"),
    [
        (Bound(dimension="percentage", low=76, high=100), {"percentage": 20}, "percentage 20 to 100"),
        (Bound(dimension="percentage", low=76, high=90), {"percentage": 100}, "percentage 100"),
        (Bound(dimension="delay_ms", low=95, high=145), {"delay_ms": 30}, "delay_ms 30 to 145"),
        (Bound(dimension="delay_seconds", low=2, high=3), {"delay_ms": 500}, "delay_seconds 0.5 to 3"),
        (Bound(dimension="a.percentage", low=76, high=100), {"percentage": 90}, "a.percentage 90 to 100"),
        (Bound(dimension="target_service", values=("cart",)), {}, "target_service cart"),
        (Bound(dimension="target_method", values=("ALL",)), {"target_method": "GET"}, "target_method ALL, GET"),
    ],
)
def test_p26_a_region_begins_where_the_smallest_fault_is(bound, plan, told):
    fault = FaultPlan(**({"fault_type": "delay", "target_service": "cart", "delay_ms": 100} | plan))
    dimension = Axis(bound.dimension, values=("cart", "ALL", "GET") if bound.values else (), low=0, high=2000)
    assert [str(each) for each in from_on([bound], [fault], [dimension])] == [told]
    assert from_on([bound], [], [dimension]) == (bound,)


@pytest.mark.parametrize("readings", [1, 2, 3])
def test_f6_a_failure_that_was_not_disproved_fails_a_pipeline(readings):
    (mode,) = found(tried(1), *(verifying(n) for n in range(2, 2 + readings))).modes
    assert mode.verdict in (Verdict.SUSPECTED, Verdict.CONFIRMED)
    assert mode.fails(5.0)
    assert not mode.fails(mode.severity + 0.1)


def test_f6_one_that_was_never_measured_again_does_too_and_one_in_vain_does_not():
    assert found(tried(1)).modes[0].fails(5.0)
    in_vain = found(tried(1), *(verifying(n, observation=HEALTHY, severity=0.0) for n in (2, 3, 4)))
    assert in_vain.modes[0].verdict is Verdict.INCONCLUSIVE
    assert not in_vain.modes[0].fails(0.0)
